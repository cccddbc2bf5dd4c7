#!/bin/bash
# SPDX-License-Identifier: MIT
# `./dev demo --live`: real programs on a device, watched from the gateway that it hangs on.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" -eq 0 ] || {
    echo "demo: --live makes network namespaces, which takes root: sudo ./dev demo --live" >&2
    exit 1
}
# shellcheck source=tools/netns.sh
. tools/netns.sh
# shellcheck source=tools/demo_common.sh
. tools/demo_common.sh
trap 'netns_stop; demo_end' EXIT

# The service listens on the gateway's own loopback; this brings it to that of the host.
forward_service() {
    local inside=${PICKET_URL#http://} port=
    socat -d -d TCP-LISTEN:0,bind=127.0.0.1,fork,reuseaddr \
        EXEC:"ip netns exec $gateway_ns socat STDIO TCP\\:${inside/:/\\:}" 2>"$demo_folder/socat.log" &
    netns_pids+=($!)
    until [ -n "$port" ]; do
        sleep 0.1
        port=$(sed -n 's/.* listening on .*127\.0\.0\.1:\([0-9]*\)$/\1/p' "$demo_folder/socat.log")
    done
    PICKET_URL=http://127.0.0.1:$port
}

watch_device() {
    local link_local
    link_local=$(ip -n "$device_ns" -6 -o address show dev eth0 scope link | awk '{print $4}')
    netns_start "$gateway_ns" picket agent --interface to_device --device-id camera-1 \
        --to "$PICKET_URL" --interval 2 \
        --address 10.77.0.2 --address fd77::2 --address "${link_local%/*}"
    sleep 1
}

# run on the device, but shown as typed there.
on_device() {
    printf '\ndevice$ %s\n' "$*"
    in_device "$@" 2>&1 | sed -n 's/^/  /; 1,3p' || true
}

title "A device, a gateway and a world, each in a network namespace"
netns_up
netns_serve "$demo_folder"
title "On the gateway: the service, with a list of three bad networks, and the agent"
demo_start_service ip netns exec "$gateway_ns"
watch_device
forward_service

title "On the device: real programs"
on_device dig +short cloud.example
on_device curl -sk -D - -o /dev/null https://cloud.example/
on_device ping -c 2 -i 0.2 fd77::1
on_device nmap -n -sT -F 10.77.0.1
on_device curl -sk -D - -o /dev/null https://198.51.100.7/
on_device curl -sk -o /dev/null -m 2 https://203.0.113.9/
sleep 5

demo_show camera-1
demo_stay "ip netns exec $device_ns curl -k https://198.51.100.7/    more of the device's traffic"
