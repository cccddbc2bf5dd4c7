#!/bin/bash
# SPDX-License-Identifier: MIT
# Sourced by the demos. PICKET_BIN is the binary; here it is called as a person calls it.

: "${PICKET_BIN:?is not set; run ./dev demo}"
demo_folder=$(mktemp -d)
demo_service=
: >"$demo_folder/service.log"
ln -s "$PICKET_BIN" "$demo_folder/picket"
PATH=$demo_folder:$PATH

title() {
    if [ -t 1 ]; then printf '\n\033[1m== %s\033[0m\n' "$*"; else printf '\n== %s\n' "$*"; fi
}

# run COMMAND…: shows the command as a person would type it, then its result, indented.
run() {
    printf '\n$ %s\n' "$*"
    "$@" | sed 's/^/  /'
}

# demo_start_service [PREFIX…]: any free port of the loopback; sets PICKET_URL.
demo_start_service() {
    local _
    "$@" picket serve --listen 127.0.0.1:0 --data "$demo_folder/data" \
        --intel examples/lists/demo.txt 2>"$demo_folder/service.log" &
    demo_service=$!
    for _ in {1..100}; do
        PICKET_URL=$(sed -n 's/.*listening on \(http:[^, ]*\).*/\1/p' "$demo_folder/service.log")
        if [ -n "$PICKET_URL" ]; then break; fi
        kill -0 $demo_service 2>/dev/null || break
        sleep 0.1
    done
    sed 's/^/  /' "$demo_folder/service.log"
    export PICKET_URL
    [ -n "$PICKET_URL" ] || { echo "demo: the service did not start" >&2; exit 1; }
}

# demo_show DEVICE: what came of it; fails if there was no alert.
demo_show() {
    local alert
    title "What the service now knows"
    run picket device list
    run picket alert list
    alert=$(picket alert list --json | gravest_alert) || {
        echo "demo: no alert came of $1" >&2
        exit 1
    }
    title "The gravest alert, with its evidence"
    run picket alert show "$alert"
    title "And what could be better on the device"
    run picket recommendation list
}

# The id of the gravest alert in what `picket alert list --json` wrote.
gravest_alert() {
    /usr/bin/python3 -c '
import json, sys
order = ["High", "Medium", "Low", "Informational"]
alerts = json.load(sys.stdin)["items"]
print(min(alerts, key=lambda alert: order.index(alert["severity"]))["id"] if alerts else sys.exit(1))'
}

# demo_stay [HINT]: what to do next; with a person at the terminal, until Enter.
demo_stay() {
    title "Look at it yourself"
    cat <<END
  $PICKET_URL/   the console
  picket explain TI_IP_MATCH     what the alert means, and what to do
  picket replay --intel LIST CAPTURE     your own capture against your own list
END
    [ -z "${1:-}" ] || echo "  $1"
    if [ -t 0 ] && [ -t 1 ]; then
        printf '\nThe service runs until you press Enter. '
        read -r _ || true
    fi
}

demo_end() {
    if [ -n "$demo_service" ]; then
        kill "$demo_service" 2>/dev/null || true
        wait "$demo_service" 2>/dev/null || true
    fi
    rm -rf "$demo_folder"
}
