#!/bin/bash
# SPDX-License-Identifier: MIT
# usage: run.sh TARGET PROGRAM — runs a test program in its emulator. Good is a program that says
# "N passed, 0 failed" at its end and leaves with 0; one that hangs is ended.
set -uo pipefail
target=$1 program=$2
seconds_max=30
ulimit -c 0 # what crashes leaves no core

declare -A emulators=(
    [cortex-m4]="qemu-system-arm -M mps2-an386 -display none -monitor none -serial none
        -semihosting-config enable=on,target=native -kernel"
    [mips]="qemu-mips"
)

# An emulator is a list of words.
# shellcheck disable=SC2086
output=$(timeout $seconds_max ${emulators[$target]} "$program" 2>&1 </dev/null)
status=$?
printf '%s\n' "$output"
if [ $status -eq 124 ]; then
    echo "run.sh: ended after $seconds_max s"
elif [ $status -eq 0 ] && ! [[ ${output##*$'\n'} =~ ^[1-9][0-9]*\ passed,\ 0\ failed$ ]]; then
    echo "run.sh: the program left without a good result"
    status=1
fi
exit $status
