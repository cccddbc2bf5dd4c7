# SPDX-License-Identifier: MIT
"""`picket agent --devices`: who is behind an interface is a device, and gets what is its own.

A gateway with a bridge, three hosts on it, and a far network behind another cable; each host in a
network namespace of its own. What a device reports is held against a capture taken in the host's
own namespace, and read by the test itself: packets and bytes of IP, to and from its addresses.
"""
import collections
import json
import os
import socket
import struct
import subprocess
import sys
import time
import uuid

import pytest

from conftest import Service
from namespaces import WAIT_S, end, ip, start_agent, wait_until
from signing import make_keys, sign
from taker import Taker

SEQUENCE, COUNTERS, SYSTEM, FLOWS, METRICS = 2, 8, 11, 12, 18  # keys of a report
OS, MODULE_VERSION = 0, 4  # of a system
HOSTS = (1, 2, 3)
FAR = "198.51.100.9"

CAPTURE = """
import select, socket, struct, sys
frames = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
frames.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)  # SO_RCVBUFFORCE
frames.bind(("eth0", 0))
frames.setblocking(False)
with open(sys.argv[1], "wb") as out:
    print("ready", flush=True)
    is_open = True
    while is_open:
        is_open = sys.stdin not in select.select([sys.stdin, frames], [], [])[0]
        try:
            while True:
                frame = frames.recv(65535)
                out.write(struct.pack("<I", len(frame)) + frame)
        except BlockingIOError:
            pass
"""
ECHO = """
import socket, threading
def echo_datagrams():
    datagrams = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    datagrams.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    datagrams.bind(("::", 7))
    while True:
        datagrams.sendto(*datagrams.recvfrom(65535))
threading.Thread(target=echo_datagrams, daemon=True).start()
listener = socket.create_server(("::", 7), family=socket.AF_INET6, dualstack_ipv6=True)
print("ready", flush=True)
while True:
    connection, _ = listener.accept()
    while received := connection.recv(65535):
        connection.sendall(received)
    connection.close()
"""
ASK = """
import socket, sys
kind, address, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
asking = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
asking.settimeout(10)
asking.connect((address, 7))
asking.sendall(bytes(size))
left = size
while left > 0:
    left -= len(asking.recv(65535))
asking.close()
"""
# Frames from senders that are not there: FIRST COUNT, each with a MAC and an address of its own.
SPOOF = """
import socket, struct, sys
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind(("eth0", 0))
first, count = int(sys.argv[1]), int(sys.argv[2])
for number in range(first, first + count):
    low = struct.pack(">H", number)
    header = bytes.fromhex("45000014000000004011") + b"\\0\\0\\x0a\\x01" + low + bytes.fromhex("c6336409")
    total = sum(struct.unpack(">10H", header))
    total = (total & 0xffff) + (total >> 16)
    header = header[:10] + struct.pack(">H", 0xffff - (total & 0xffff) - (total >> 16)) + header[12:]
    out.send(bytes.fromhex("02000000fe00" "06000000") + low + bytes.fromhex("0800") + header)
"""


class Place:
    """Namespaces: device, which is the gateway, far, and one for each host."""

    def __init__(self):
        suffix = uuid.uuid4().hex[:8]
        self.device = f"picket-test-gateway-{suffix}"
        self.far = f"picket-test-far-{suffix}"
        self.hosts = {number: f"picket-test-host{number}-{suffix}" for number in HOSTS}

    def names(self):
        return [self.device, self.far, *self.hosts.values()]

    def add(self):
        return all([subprocess.run(["ip", "netns", "add", name], check=False, timeout=10,
                                   capture_output=True).returncode == 0 for name in self.names()])

    def on(self, namespace, *command):
        return ["ip", "netns", "exec", namespace, *map(str, command)]

    def set(self, namespace, *settings):
        subprocess.run(self.on(namespace, "sysctl", "-q", "-w", *settings), check=True, timeout=10)

    def up(self):
        for name in self.names():
            ip("-n", name, "link", "set", "lo", "up")
        self.set(self.device, "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        self.add_bridge()
        for number in HOSTS:
            self.plug_in(number)
        ip("link", "add", "wan", "netns", self.device, "type", "veth", "peer", "name", "eth0",
           "netns", self.far)
        self.address(self.device, "wan", "198.51.100.1/24", "2001:db8:9::1/64")
        self.address(self.far, "eth0", FAR + "/24", "2001:db8:9::9/64")
        self.route(self.far, "198.51.100.1", "2001:db8:9::1")

    def add_bridge(self):
        ip("-n", self.device, "link", "add", "lan", "address", "02:00:00:00:fe:00", "type",
           "bridge")
        self.address(self.device, "lan", "10.1.0.254/16", "2001:db8:1::fe/64")

    def plug_in(self, number):
        port = f"port{number}"
        ip("link", "add", port, "netns", self.device, "type", "veth", "peer", "name", "eth0",
           "address", f"02:00:00:00:00:0{number}", "netns", self.hosts[number])
        ip("-n", self.device, "link", "set", port, "master", "lan", "up")
        self.address(self.hosts[number], "eth0", f"10.1.0.{number}/16", f"2001:db8:1::{number}/64")
        self.route(self.hosts[number], "10.1.0.254", "2001:db8:1::fe")

    def switch_ports(self, state):
        """With all of them down nothing is under way, not even what a host says by itself."""
        for number in HOSTS:
            ip("-n", self.device, "link", "set", f"port{number}", state)

    def address(self, namespace, interface, *addresses):
        # one packet on the wire is one packet to who looks
        subprocess.run(self.on(namespace, "ethtool", "-K", interface, "gro", "off", "gso", "off",
                               "tso", "off"), check=False, capture_output=True, timeout=10)
        ip("-n", namespace, "link", "set", interface, "up")
        for address in addresses:
            nodad = ("nodad",) if ":" in address else ()
            ip("-n", namespace, "address", "add", address, "dev", interface, *nodad)

    def route(self, namespace, *gateways):
        for gateway in gateways:
            ip("-n", namespace, "route", "add", "default", "via", gateway)

    def down(self):
        for name in self.names():
            subprocess.run(["ip", "netns", "delete", name], check=False, timeout=10,
                           capture_output=True)

    def start(self, namespace, program, *arguments):
        process = subprocess.Popen(self.on(namespace, sys.executable, "-c", program, *arguments),
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "ready\n"
        return process

    def run(self, namespace, program, *arguments):
        subprocess.run(self.on(namespace, sys.executable, "-c", program, *arguments), check=True,
                       timeout=WAIT_S)

    def ping(self, namespace, address, size=56):
        subprocess.run(self.on(namespace, "ping", "-q", "-c", 2, "-i", "0.2", "-W", 2, "-s", size,
                               address), check=True, stdout=subprocess.DEVNULL, timeout=WAIT_S)


@pytest.fixture
def network():
    made = Place()
    try:
        if os.geteuid() != 0 or not made.add():
            pytest.skip("network namespaces can't be made here; they take root")
        made.up()
        time.sleep(1)
        yield made
    finally:
        made.down()


@pytest.fixture
def processes(network):
    """A function that starts a program that says "ready"; all are ended behind the test."""
    started = []

    def start(*arguments):
        started.append(network.start(*arguments))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait(timeout=10)
        for pipe in (process.stdin, process.stdout):
            pipe.close()


@pytest.fixture
def taker(network, tmp_path):
    running = Taker(network, tmp_path / "taker")
    yield running
    running.stop()


def exchange_all(network):
    """Between hosts, over the bridge; with the far network, forwarded; with the gateway."""
    pairs = [(network.hosts[1], ("10.1.0.2", "2001:db8:1::2")),
             (network.hosts[2], ("10.1.0.3", "2001:db8:1::3")),
             (network.hosts[1], (FAR, "2001:db8:9::9")),
             (network.hosts[3], ("10.1.0.254", "2001:db8:1::fe")),
             (network.far, ("10.1.0.2", "2001:db8:1::2"))]
    for asking, addresses in pairs:
        for address in addresses:
            network.run(asking, ASK, "tcp", address, 40000)
            network.run(asking, ASK, "udp", address, 300)
            network.run(asking, ASK, "udp", address, 4000)
            network.ping(asking, address)
            network.ping(asking, address, 4000)


def seen_in(path, is_wanted):
    """IP packets and bytes by (way, …) of a capture, where is_wanted(source, destination) says
    which ways they count."""
    sums = collections.Counter()
    captured = path.read_bytes()
    at = 0
    while at < len(captured):
        (length,) = struct.unpack_from("<I", captured, at)
        frame = captured[at + 4:at + 4 + length]
        at += 4 + length
        if frame[12:14] == b"\x08\0":
            ends, size = (frame[26:30], frame[30:34]), int.from_bytes(frame[16:18], "big")
        elif frame[12:14] == b"\x86\xdd":
            ends, size = (frame[22:38], frame[38:54]), 40 + int.from_bytes(frame[18:20], "big")
        else:
            continue
        for way in is_wanted(frame, *ends):
            sums[(way, "packets")] += 1
            sums[(way, "bytes")] += size
    return +sums


def reported(taker):
    """{device: what seen_in() has} of all reports, and {device: counters}."""
    sums, counters = collections.defaultdict(collections.Counter), {}
    for status, path, report in taker.asked():
        if status != 200:
            continue
        device = path.split("/")[3]
        if COUNTERS in report:
            counters.setdefault(device, []).append(report[COUNTERS])
        size, *items = report[FLOWS]
        for at in range(0, len(items), size):
            packets_in, packets_out, bytes_in, bytes_out = items[at + 4:at + 8]
            sums[device] += collections.Counter({
                ("in", "packets"): packets_in, ("out", "packets"): packets_out,
                ("in", "bytes"): bytes_in, ("out", "bytes"): bytes_out})
    return sums, {device: [sum(column) for column in zip(*rows)]
                  for device, rows in counters.items()}


def by_address(address):
    packed = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)

    def ways(_, source, destination):
        return ["out"] * (source == packed) + ["in"] * (destination == packed)
    return ways


def by_mac(mac):
    packed = bytes.fromhex(mac.replace("-", ""))

    def ways(frame, *_):
        return ["out"] * (frame[6:12] == packed) + ["in"] * (frame[:6] == packed)
    return ways


def stop_captures(captures):
    for process in captures:
        process.stdin.close()
        assert process.wait(timeout=WAIT_S) == 0


ADDRESSES = [(number, address, by_address(address)) for number in HOSTS
             for address in (f"10.1.0.{number}", f"2001:db8:1::{number}")]
MACS = [(number, f"02-00-00-00-00-0{number}", by_mac(f"02-00-00-00-00-0{number}"))
        for number in HOSTS]
LAN = ("--interface", "lan")
LOCALS = ("--local", "10.1.0.0/16", "--local", "2001:db8:1::/64")


@pytest.mark.parametrize("devices, arguments, keys", [
    ("address", LAN, ADDRESSES),
    ("address", (*LAN, "--interface", "wan", *LOCALS), ADDRESSES),
    ("mac", LAN, MACS),
], ids=["address", "address-two-interfaces", "mac"])
def test_each_device_reports_what_it_sent_and_got_itself(network, processes, taker, start_agent,
                                                         tmp_path, devices, arguments, keys):
    for namespace in network.names():
        processes(namespace, ECHO)
    network.switch_ports("down")
    captures = [processes(network.hosts[number], CAPTURE, tmp_path / f"host{number}")
                for number in HOSTS]
    agent = start_agent("--device-id", "gw", "--devices", devices, *arguments, to=taker.url)
    network.switch_ports("up")
    time.sleep(2)  # until the bridge forwards
    exchange_all(network)
    time.sleep(0.5)
    network.switch_ports("down")
    stop_captures(captures)
    assert end(agent) == (0, "")
    sums, counters = reported(taker)
    for number, key, ways in keys:
        expected = seen_in(tmp_path / f"host{number}", ways)
        assert expected[("out", "packets")] > 20, key
        assert sums[f"gw-{key}"] == expected, key
    for device, (seen, *parts) in counters.items():
        assert seen == sum(parts), device
        assert parts[1] == parts[2] == parts[4] == 0, device  # nothing folded, malformed, dropped


def test_an_idle_device_goes_on_to_report_and_is_not_taken_for_the_gateway(network, taker,
                                                                            start_agent):
    agent = start_agent("--interface", "lan", "--device-id", "gw", "--devices", "mac",
                        to=taker.url)
    network.ping(network.hosts[1], "10.1.0.254")

    def reports(device="gw-02-00-00-00-00-01"):
        return [report for _, path, report in taker.asked()
                if path == f"/v1/devices/{device}/reports"]

    wait_until(lambda: len(reports()) >= 4)
    assert end(agent) == (0, "")
    assert [report[SEQUENCE] for report in reports()] == list(range(1, len(reports()) + 1))
    assert set(reports()[0][SYSTEM]) == {MODULE_VERSION}
    assert OS in reports("gw")[0][SYSTEM]


def memory_kb(agent):
    with open(f"/proc/{agent.pid}/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


@pytest.mark.parametrize("devices", ["address", "mac"])
def test_senders_that_are_not_there_fill_no_memory_and_are_counted(network, taker, start_agent,
                                                                    devices):
    count, room = 20000, 16
    agent = start_agent("--interface", "lan", "--device-id", "gw", "--devices", devices,
                        "--devices-max", room, to=taker.url)
    network.run(network.hosts[1], SPOOF, 1024, 2 * room)
    wait_until(lambda: len({path for _, path, _ in taker.asked()}) == 1 + room)
    before = memory_kb(agent)
    for first in range(0, count, 5000):
        network.run(network.hosts[1], SPOOF, 2048 + first, 5000)
    time.sleep(1)
    grown = memory_kb(agent) - before
    assert end(agent) == (0, f"picket: there are more than {room} devices: the others are counted "
                             "for gw\n")
    assert grown < 4096
    sums, counters = reported(taker)
    assert len(sums) <= 1 + room
    told = 0
    for _, path, report in taker.asked():
        size, *items = report.get(METRICS, [2])
        for at in range(0, len(items), size):
            assert path == "/v1/devices/gw/reports"
            told = max(told, items[at + 1])
    assert told >= count
    spoofed = sum(row[1] for row in counters.values()) + counters["gw"][2] + counters["gw"][5]
    assert spoofed >= count + 2 * room  # kept, folded, dropped


def test_spools_are_of_each_device_and_outlive_the_agent(network, taker, start_agent, tmp_path):
    arguments = ("--interface", "lan", "--device-id", "gw", "--devices", "mac", "--spool",
                 tmp_path / "spool")
    taker.answer(503)
    agent = start_agent(*arguments, to=taker.url)
    network.ping(network.hosts[1], "10.1.0.2")
    folders = [tmp_path / "spool" / f"device-gw-02-00-00-00-00-0{number}" for number in (1, 2)]
    wait_until(lambda: all(len(list(folder.glob("report-*"))) >= 2 for folder in folders))
    agent.kill()
    agent.wait(timeout=10)
    network.switch_ports("down")  # nobody comes to be seen again
    taker.answer(200)
    agent = start_agent(*arguments, to=taker.url)
    wait_until(lambda: not any(list(folder.glob("report-*")) for folder in folders))
    agent.kill()
    agent.wait(timeout=10)
    sums, _ = reported(taker)
    for number in (1, 2):
        flows = sums[f"gw-02-00-00-00-00-0{number}"]
        assert flows[("out", "packets")] >= 2 and flows[("in", "packets")] >= 2
    assert tmp_path.joinpath("spool").owner() == "nobody"


def test_a_bridge_that_is_removed_is_watched_again_with_its_devices(network, taker, start_agent):
    agent = start_agent("--interface", "lan", "--device-id", "gw", "--devices", "address",
                        to=taker.url)
    network.ping(network.hosts[1], FAR)
    ip("-n", network.device, "link", "delete", "lan")
    assert "lan can't be watched for now" in agent.stdout.readline()
    network.add_bridge()
    for number in HOSTS:
        ip("-n", network.device, "link", "set", f"port{number}", "master", "lan")
    time.sleep(1.5)
    network.ping(network.hosts[1], FAR)
    time.sleep(0.5)
    assert end(agent)[0] == 0
    sums, _ = reported(taker)
    assert sums["gw-10.1.0.1"][("out", "packets")] == 4
    assert sums["gw-10.1.0.1"][("in", "packets")] == 4


POLICY = {"kind": "policy", "revision": 1, "audience": "cameras", "mode": "alert",
          "rules": [{"action": "deny", "direction": "outbound", "protocol": "icmp",
                     "prefix": "198.51.100.0/24"}]}


def test_each_device_obeys_settings_by_itself(network, picket, start_agent, tmp_path):
    service = Service(picket, tmp_path, network.on(network.device))
    service.start("--listen", "127.0.0.1:8480")
    keys = make_keys(tmp_path)
    signed = sign(picket, POLICY, keys / "ed25519.pem", tmp_path / "policy")
    agent = start_agent("--interface", "lan", "--device-id", "gw", "--devices", "mac",
                        "--settings-key", keys / "ed25519.pub.pem", "--audience", "cameras")
    assert service.run("group", "tell", "default", signed).returncode == 0
    network.ping(network.hosts[1], "10.1.0.2")
    for _ in range(3):  # the agent, and two hosts
        assert agent.stdout.readline() == "Settings of the service were accepted.\n"
    network.ping(network.hosts[1], FAR)
    network.ping(network.hosts[2], "10.1.0.254")

    def denied():
        ran = service.run("alert", "list", "--json")
        return {alert["device"] for alert in json.loads(ran.stdout)["items"]
                if alert["type"] == "DEV_POLICY_DENIED"}

    wait_until(denied)
    assert end(agent)[0] == 0
    assert denied() == {"gw-02-00-00-00-00-01"}
    assert service.stop() == 0


@pytest.mark.parametrize("arguments, words", [
    (["--devices", "host"], "'host' is no good value"),
    (["--local", "10.0.0.0/8"], "--local goes with --devices address"),
    (["--devices", "mac", "--local", "10.0.0.0/8"], "--local goes with --devices address"),
    (["--devices", "address", "--local", "10.0.0.1/8"], "'10.0.0.1/8' is no good value"),
    (["--devices-max", "7"], "--devices-max goes with --devices address or mac"),
    (["--devices", "mac", "--devices-max", "0"], "'0' is no good value"),
    (["--devices", "mac", "--devices-max", "4097"], "'4097' is no good value"),
    (["--devices", "mac", "--address", "10.0.0.1"], "--address is for one device"),
    (["--devices", "mac", "--device-id", "d" * 90], "too long to have addresses behind it"),
])
def test_what_makes_no_sense_is_refused_with_a_sentence(picket, arguments, words):
    ran = subprocess.run([picket, "agent", "--interface", "lo", "--device-id", "d1", *arguments],
                         capture_output=True, text=True, timeout=20, check=False)
    assert ran.returncode == 2
    assert words in ran.stderr
