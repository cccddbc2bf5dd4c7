#!/bin/bash
# SPDX-License-Identifier: MIT
# Each public header compiles alone, as C99 and as C++17.
cd "$(dirname "$0")/.." || exit 1
flags=(-Wall -Wextra -Wpedantic -Werror -fsyntax-only -Iwire/include -Idevice/include)

status=0
for header in wire/include/picket/*.h device/include/picket/*.h; do
    for dialect in "c -std=c99" "c++ -std=c++17"; do
        # shellcheck disable=SC2086
        printf '#include "%s"\nint some_declaration;\n' "$header" |
            clang-14 "${flags[@]}" -I. -x $dialect - || {
            echo "$header:1: does not compile alone as ${dialect#*=}; allowed is a header that does"
            status=1
        }
    done
done
exit $status
