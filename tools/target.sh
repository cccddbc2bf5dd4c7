#!/bin/bash
# SPDX-License-Identifier: MIT
# usage: target.sh [TARGET…] — builds the tests of wire/ and device/ for emulated targets, all of
# them by default, and runs them there: cortex-m4 bare metal, mips 32-bit big-endian.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
[ $# -gt 0 ] || set -- cortex-m4 mips

# run_target TARGET: quiet, unless it fails.
run_target() {
    local target=$1 folder=build/target-$1 log=build/target-$1.log lock
    mkdir -p build
    exec {lock}>"build/target-$1.lock" && flock "$lock" || return 1
    cmake -S . -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=MinSizeRel -DPICKET_WERROR=ON \
        -DPICKET_SERVICE=OFF -DCMAKE_TOOLCHAIN_FILE="tests/target/$target.cmake" \
        -DCMAKE_PROJECT_picket_INCLUDE=tests/target/on_target.cmake >"$log" 2>&1 &&
        cmake --build "$folder" -j 2 >>"$log" 2>&1 &&
        ctest --test-dir "$folder" -j 2 --output-on-failure --no-tests=error >>"$log" 2>&1 || {
        cat "$log" >&2
        return 1
    }
    awk -v target="$target" '
        /^[0-9]+ passed, 0 failed$/ { programs++; passed += $1 }
        END { printf "%s: %d programs, %d tests passed\n", target, programs, passed }' \
        "$folder/Testing/Temporary/LastTest.log"
}

status=0
for target in "$@"; do
    run_target "$target" || status=1
done
exit $status
