#!/bin/bash
# SPDX-License-Identifier: MIT
# Sourced: a small network of three namespaces, that leaves nothing behind.
#
#   device (eth0) ────── (to_device) gateway (to_world) ────── (eth0) world
#   10.77.0.2, fd77::2          a bridge               10.77.0.1, fd77::1: the device's router
#
# Beyond the router, in ranges kept for documentation: 198.51.100.7 answers like a web server,
# 192.0.2.66 is where probes come from, and 203.0.113.9 never answers.

netns_suffix=$$-$RANDOM
device_ns=picket-device-$netns_suffix
gateway_ns=picket-gateway-$netns_suffix
world_ns=picket-world-$netns_suffix
netns_pids=()

in_device() { ip netns exec "$device_ns" "$@"; }
in_gateway() { ip netns exec "$gateway_ns" "$@"; }
in_world() { ip netns exec "$world_ns" "$@"; }

# netns_start NAMESPACE COMMAND…: in the background, ended by netns_stop; the process id is $!.
netns_start() {
    ip netns exec "$@" &
    netns_pids+=($!)
}

netns_stop() {
    local pid name
    for pid in "${netns_pids[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    netns_pids=()
    for name in "$device_ns" "$gateway_ns" "$world_ns"; do
        ip netns delete "$name" 2>/dev/null || true
        rm -rf "/etc/netns/$name"
    done
    rmdir /etc/netns 2>/dev/null || true
}

# netns_link NAMESPACE GATEWAY_PORT: eth0 of a namespace, plugged into the gateway's bridge.
netns_link() {
    ip link add eth0 netns "$1" type veth peer name "$2" netns "$gateway_ns"
    ip -n "$gateway_ns" link set "$2" master bridge up
    # What is seen should be what a wire would carry.
    ip netns exec "$1" ethtool -K eth0 tso off gso off gro off tx off rx off >/dev/null
    ip -n "$1" link set lo up
    ip -n "$1" link set eth0 up
}

netns_up() {
    local name
    for name in "$device_ns" "$gateway_ns" "$world_ns"; do
        # Names are asked of this network's server, never of the machine's own.
        mkdir -p "/etc/netns/$name"
        echo "nameserver 10.77.0.1" >"/etc/netns/$name/resolv.conf"
        ip netns add "$name"
        # No waiting until an address is known to be nobody else's.
        ip netns exec "$name" sysctl -qw net.ipv6.conf.all.accept_dad=0 \
            net.ipv6.conf.default.accept_dad=0
    done
    ip -n "$gateway_ns" link set lo up
    ip -n "$gateway_ns" link add bridge type bridge
    ip -n "$gateway_ns" link set bridge up
    netns_link "$device_ns" to_device
    netns_link "$world_ns" to_world

    ip -n "$device_ns" address add 10.77.0.2/24 dev eth0
    ip -n "$device_ns" address add fd77::2/64 dev eth0
    ip -n "$device_ns" route add default via 10.77.0.1
    ip -n "$world_ns" address add 10.77.0.1/24 dev eth0
    ip -n "$world_ns" address add fd77::1/64 dev eth0
    ip -n "$world_ns" address add 198.51.100.7/32 dev lo
    ip -n "$world_ns" address add 192.0.2.66/32 dev lo
    ip -n "$world_ns" route add blackhole 203.0.113.9
}

# netns_serve FOLDER: name, web and TLS servers in the world; their files in FOLDER.
netns_serve() {
    local folder=$1
    mkdir -p "$folder/www"
    head -c 4000 /dev/zero | tr '\0' '#' >"$folder/www/firmware.bin"
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=cloud.example \
        -keyout "$folder/key.pem" -out "$folder/certificate.pem" 2>/dev/null

    netns_start "$world_ns" dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts \
        --user=root --pid-file= --log-facility=/dev/null --listen-address=10.77.0.1 \
        --bind-interfaces --address=/cloud.example/10.77.0.1 --address=/cloud.example/fd77::1
    netns_start "$world_ns" /usr/bin/python3 -m http.server --directory "$folder/www" \
        --bind :: 80 >/dev/null 2>&1
    netns_start "$world_ns" openssl s_server -quiet -www -accept "*:443" \
        -cert "$folder/certificate.pem" -key "$folder/key.pem" >/dev/null 2>&1
    netns_wait 10.77.0.1 80
    netns_wait 198.51.100.7 443
}

# netns_wait ADDRESS PORT: until something listens there, in the world.
netns_wait() {
    local _
    for _ in {1..50}; do
        if in_world bash -c "exec 3<>/dev/tcp/$1/$2" 2>/dev/null; then return 0; fi
        sleep 0.1
    done
    echo "netns: nothing listens on $1 port $2" >&2
    return 1
}
