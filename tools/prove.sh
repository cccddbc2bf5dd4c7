#!/bin/bash
# SPDX-License-Identifier: MIT
# Proves with Frama-C's WP, for all inputs, that the sources below touch valid memory only, have no
# undefined arithmetic, end, and keep the contracts in their headers; fails if one goal stays open.
# SOURCE…: these alone. --plant: puts bugs into copies and fails if one of them is proved all the same.
set -euo pipefail
cd "$(dirname "$0")/.."

# What reads or writes bytes of the outside world.
sources="wire/src/reader.c wire/src/fields.c wire/src/report_reader.c wire/src/flow_reader.c
    wire/src/facts_reader.c wire/src/facts.c wire/src/writer.c wire/src/report_writer.c
    wire/src/facts_writer.c wire/src/settings_reader.c wire/src/policy.c wire/src/filter.c
    wire/src/acknowledgement.c
    device/src/packet.c device/collectors/dns_parser.c device/collectors/tls_parser.c"
# The service's machines; and 32 bits with unsigned characters, which is what Arm devices have.
machines="gcc_x86_64 ppc_32"
includes="-Iwire/include -Idevice/include -Idevice/src"
options="-c11 -wp -wp-rte -wp-model Typed+Cast -wp-prover z3,cvc4 -wp-par 2 -wp-cache update
    -wp-definitions-terminate -wp-declarations-terminate"
# Seconds a prover has for a goal: what one can't do at once, the other often can.
timeouts="5 30 120"

# NAME;SOURCE;FUNCTION;SED SCRIPT: the bug is in the function, and the proof of that must fail.
plants=(
    "a short length check;wire/src/reader.c;get_string;s/length > reader->length - reader->offset/length > reader->length/"
    "a wrong offset;device/src/packet.c;read_tcp;s/header\[13\]/header[14]/"
    "a missing bound;device/src/packet.c;walk_extensions;s/count == PICKET_EXTENSION_HEADERS || //"
    "one byte too many;device/collectors/dns_parser.c;next_label;s/length >= message->length - walk->at/length > message->length - walk->at/"
    "a size that is believed;device/collectors/tls_parser.c;get_part;s/part.end = cursor->at/part.end = part.at + bytes/"
)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# What a prover said of a goal is kept, by Why3's digest of both: an interrupted run goes on.
mkdir -p build/proof/cache

# prove SOURCE MACHINE [OPTION…]: says "PROVED GOALS", and leaves what Frama-C said in
# $work/MACHINE.
# shellcheck disable=SC2086
prove() {
    local timeout proved goals
    for timeout in $timeouts; do
        frama-c -machdep "$2" -cpp-extra-args="-include tests/proof/string.h $includes" \
            $options -wp-cache-dir build/proof/cache -wp-timeout "$timeout" "${@:3}" "$1" \
            >"$work/$2" 2>&1 || true
        read -r proved goals < <(
            sed -nE 's/^\[wp\] Proved goals: +([0-9]+) \/ ([0-9]+)$/\1 \2/p' "$work/$2"
        ) || true
        [ "$proved" != "$goals" ] || break
    done
    # A contract that is missing, or that WP does not understand, leaves nothing to be trusted.
    if ! grep -qiE "Missing (assigns|'calls')|not yet implemented|user error" "$work/$2"; then
        echo "$proved $goals"
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
        gcc -MM $includes "$1" | sed 's/.*://; s/\\$//' | xargs cat tests/proof/string.h "$0"
    } | sha256sum | cut -d' ' -f1
}

# prove_one SOURCE MACHINE: proves what is not known yet; says how many goals that are.
prove_one() {
    local known outcome proved goals
    known=build/proof/$(digest "$1" "$2")
    outcome=$(cat "$known" 2>/dev/null || prove "$1" "$2")
    read -r proved goals <<<"$outcome" || true
    if [ -z "$goals" ] || [ "$proved" -ne "$goals" ]; then
        echo "$1, $2: ${proved:-no} of ${goals:-all} goals proved"
        grep -iE '\[(Failed|Timeout)\]|Missing|not yet|error' "$work/$2" || cat "$work/$2"
        return 1
    fi
    mkdir -p build/proof
    echo "$outcome" >"$known"
    printf '%-34s %-10s %5d goals proved\n' "$1" "$2" "$goals"
}

# No source has to wait for one that failed.
prove_all() {
    local source machine open=0
    for source in $sources; do
        for machine in $machines; do
            prove_one "$source" "$machine" >"$work/one" 2>&1 || open=1
            tee -a "$work/said" <"$work/one"
        done
    done
    awk '/ goals proved$/ && NF == 5 { total += $3 } END { print total + 0, "goals proved" }' \
        "$work/said"
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
--plant) plant_all ;;
-*) echo "usage: tools/prove.sh [--plant | SOURCE…]" >&2 && exit 2 ;;
*) sources=${*:-$sources} && prove_all ;;
esac
