#!/bin/bash
# SPDX-License-Identifier: MIT
# Records examples/captures/*.pcapng: real programs in network namespaces. Needs root, and the
# packages that `./dev demo --live` installs, with mosquitto, mosquitto-clients, netcat-openbsd
# and wireshark-common (dumpcap, editcap).
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" -eq 0 ] || { echo "record_captures: needs root, to make network namespaces" >&2; exit 1; }
for program in dumpcap editcap dnsmasq mosquitto mosquitto_pub nc nmap dig curl openssl ethtool; do
    command -v $program >/dev/null || { echo "record_captures: $program is missing" >&2; exit 1; }
done

# shellcheck source=tools/netns.sh
. tools/netns.sh
folder=$(mktemp -d)
trap 'netns_stop; rm -rf "$folder"' EXIT

# record NAME FUNCTION: what the device's interface carries while the function runs.
record() {
    local recorder
    netns_start "$device_ns" dumpcap -q -P -i eth0 -w "$folder/$1.pcap" 2>/dev/null
    recorder=$!
    sleep 1
    "$2"
    sleep 1
    kill $recorder
    wait $recorder || true
    # By way of pcap, so that the file says nothing of the machine that recorded it.
    editcap -F pcapng "$folder/$1.pcap" "examples/captures/$1.pcapng"
}

# What a camera does all day; each round a few seconds.
usual_round() {
    in_device dig +short cloud.example AAAA >/dev/null
    in_device dig +short cloud.example A >/dev/null
    in_device curl -sk -o /dev/null https://cloud.example/
    in_device curl -s -o /dev/null http://cloud.example/firmware.bin
    in_device ping -q -c 2 -i 0.5 10.77.0.1 >/dev/null
    in_device ping -q -6 -c 2 -i 0.5 fd77::1 >/dev/null
    in_device mosquitto_pub -h 10.77.0.1 -t camera/1/status -m '{"motion":false}'
}

# A camera that someone took over: it calls home, tries a second home, and is probed meanwhile.
camera() {
    local _
    for _ in {1..4}; do
        usual_round
        in_device curl -sk -o /dev/null -m 3 https://198.51.100.7/ || true
        in_device curl -sk -o /dev/null -m 2 https://203.0.113.9/ || true
        sleep 3
    done
    in_world nc -z -w 1 -s 192.0.2.66 10.77.0.2 23 || true
    in_world nmap -n -Pn -sT -F --max-retries 1 10.77.0.2 >/dev/null
}

# A sensor with nothing to hide.
sensor() {
    local i
    for i in {1..5}; do
        in_device mosquitto_pub -h 10.77.0.1 -t sensor/7/temperature -m "2$i.5"
        in_device ping -q -6 -c 1 fd77::1 >/dev/null
        sleep 2
    done
}

netns_up
netns_serve "$folder"
printf 'listener 1883 10.77.0.1\nallow_anonymous true\nuser root\n' >"$folder/mosquitto.conf"
netns_start "$world_ns" mosquitto -c "$folder/mosquitto.conf" >/dev/null 2>&1
# A device has something of its own to offer, in clear.
netns_start "$device_ns" /usr/bin/python3 -m http.server --bind 10.77.0.2 80 \
    --directory "$folder/www" >/dev/null 2>&1
netns_wait 10.77.0.1 1883

mkdir -p examples/captures
record camera camera
record sensor sensor
ls -l examples/captures
