#!/bin/bash
# SPDX-License-Identifier: MIT
# wire/ and device/ are linked into other people's firmware: all they export begins with picket_.
# Arguments: static libraries; by default those of build/dev.
cd "$(dirname "$0")/.." || exit 1
shopt -s nullglob
[ $# -gt 0 ] || set -- build/dev/wire/*.a build/dev/device/*.a build/dev/device/ports/*/*.a

status=0
for library in "$@"; do
    # nm -l gives "ADDRESS TYPE NAME<tab>FILE:LINE"; __odr_asan is the sanitizer's own.
    while read -r _ _ name place; do
        echo "${place:-$library:0}: exports $name; allowed are names that begin with picket_"
        status=1
    done < <(nm -g -l --defined-only "$library" |
        awk 'NF >= 3 && $3 !~ /^(picket_|__odr_asan)/' | sed "s|$PWD/||")
done
exit $status
