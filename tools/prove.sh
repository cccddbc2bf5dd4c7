#!/bin/bash
# SPDX-License-Identifier: MIT
# Proves with Frama-C's WP, for all inputs, that the sources below touch valid memory only, have no
# undefined arithmetic, end, and keep the contracts in their headers; fails if one goal stays open.
# --plant: puts bugs into copies and fails if one of them is proved all the same.
set -euo pipefail
cd "$(dirname "$0")/.."

sources="wire/src/reader.c wire/src/writer.c device/src/packet.c"
# The service's machines; and 32 bits with unsigned characters, which is what Arm devices have.
machines="gcc_x86_64 ppc_32"
includes="-Iwire/include -Idevice/include"
options="-c11 -wp -wp-rte -wp-model Typed+Cast -wp-prover z3,cvc4 -wp-timeout 20 -wp-par 2
    -wp-definitions-terminate -wp-declarations-terminate"

# NAME;SOURCE;FUNCTION;SED SCRIPT: the bug is in the function, and the proof of that must fail.
plants=(
    "a short length check;wire/src/reader.c;get_string;s/length > reader->length - reader->offset/length > reader->length/"
    "a wrong offset;wire/src/writer.c;reserve;s/size > writer->capacity - writer->length/size > writer->capacity - writer->length + 1/"
    "a missing bound;wire/src/reader.c;picket_reader_skip;s/depth == PICKET_WIRE_DEPTH_MAX/false/"
)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# prove SOURCE MACHINE [OPTION…]: says "PROVED GOALS", and leaves what Frama-C said in $work/log.
# shellcheck disable=SC2086
prove() {
    frama-c -machdep "$2" -cpp-extra-args="-include tests/proof/string.h $includes" \
        $options "${@:3}" "$1" >"$work/log" 2>&1 || true
    # A contract that is missing, or that WP does not understand, leaves nothing to be trusted.
    if ! grep -qE "Missing (assigns|'calls')|not yet implemented|user error" "$work/log"; then
        sed -nE 's/^\[wp\] Proved goals: +([0-9]+) \/ ([0-9]+)$/\1 \2/p' "$work/log"
    fi
}

# digest SOURCE MACHINE: of all that the outcome depends on.
# shellcheck disable=SC2086
digest() {
    {
        echo "$2"
        frama-c -version
        z3 --version
        cvc4 --version | head -1
        gcc -MM $includes "$1" | tr -d '\\' | cut -d: -f2 | xargs cat tests/proof/string.h "$0"
    } | sha256sum | cut -d' ' -f1
}

prove_all() {
    local source machine known proved goals total=0 open=0
    mkdir -p build/proof
    for source in $sources; do
        for machine in $machines; do
            known=build/proof/$(digest "$source" "$machine")
            [ -f "$known" ] || prove "$source" "$machine" >"$work/outcome"
            read -r proved goals < <(cat "$known" 2>/dev/null || cat "$work/outcome") || goals=
            if [ -z "$goals" ] || [ "$proved" -ne "$goals" ]; then
                echo "$source, $machine: ${proved:-no} of ${goals:-all} goals proved"
                grep -E '\[(Failed|Timeout)\]|Missing|not yet|error' "$work/log" || cat "$work/log"
                open=1
                continue
            fi
            echo "$proved $goals" >"$known"
            printf '%-28s %-12s %5d goals proved\n' "$source" "$machine" "$goals"
            total=$((total + goals))
        done
    done
    echo "$total goals proved"
    return $open
}

plant_all() {
    local row name source function script proved goals missed=0
    cp -r wire device tests/proof "$work"
    for row in "${plants[@]}"; do
        IFS=';' read -r name source function script <<<"$row"
        sed "$script" "$source" >"$work/$source"
        if cmp -s "$source" "$work/$source"; then
            echo "$name: there is no place for it in $source"
            missed=1
            continue
        fi
        read -r proved goals < <(prove "$work/$source" gcc_x86_64 -wp-fct "$function") || goals=
        if [ -n "$goals" ] && [ "$proved" -lt "$goals" ]; then
            echo "$name in $function(): caught, $((goals - proved)) of $goals goals not proved"
        else
            echo "$name in $function(): NOT caught"
            missed=1
        fi
    done
    return $missed
}

case $* in
"") prove_all ;;
--plant) plant_all ;;
*) echo "usage: tools/prove.sh [--plant]" >&2 && exit 2 ;;
esac
