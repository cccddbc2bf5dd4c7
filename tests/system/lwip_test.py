# SPDX-License-Identifier: MIT
"""The lwIP port in Debian's lwIP on TAP and TUN interfaces: what it tells is what a capture has."""
import collections
import csv
import json
import os
import subprocess
import sys
import time
import uuid

import pytest

from conftest import Service
from replaying import PICKET, replay

HOST = PICKET.parents[1] / "tests/unit/lwip/example/lwip_host"
BLOCKING_HOST = HOST.parents[1] / "lwip_blocking_host"
WAIT_S = 20
ECHO_PORT = 7
PEER_PORT = 7007
TOKEN = "a-token-of-a-test"
# interface: the kernel's addresses, lwIP's addresses
TAPS = {"tap0": (("192.0.2.1", "2001:db8::1"), ("192.0.2.2", "2001:db8::2")),
        "tap1": (("198.51.100.1", "2001:db8:1::1"), ("198.51.100.2", "2001:db8:1::2")),
        "tun0": (("203.0.113.1", "2001:db8:2::1"), ("203.0.113.2", "2001:db8:2::2"))}
ETHERNET, RAW_IP = 1, 101  # link types of a capture
# The sizes of what is sent: in one frame, and in three.
SIZES = (100, 4000)

pytestmark = pytest.mark.skipif(not HOST.exists(),
                                reason=f"no {HOST.name}: liblwip-dev was not there when it was built")

# Writes what passes an interface to a file, until its standard input ends.
CAPTURE = """
import select, socket, struct, sys
interface, path, link_type = sys.argv[1], sys.argv[2], int(sys.argv[3])
frames = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
frames.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)  # SO_RCVBUFFORCE
frames.bind((interface, 0))
frames.setblocking(False)
with open(path, "wb") as out:
    out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, link_type))
    print("ready", flush=True)
    is_open = True
    while is_open:
        is_open = sys.stdin not in select.select([sys.stdin, frames], [], [])[0]
        try:
            while True:
                frame = frames.recv(65535)
                out.write(struct.pack("<IIII", 1, 0, len(frame), len(frame)) + frame)
        except BlockingIOError:
            pass
        except OSError:  # the interface went down: said once
            pass
"""
# Echoes TCP and UDP, over IPv4 and IPv6.
ECHO = """
import socket, sys, threading
port = int(sys.argv[1])
listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
datagrams = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
datagrams.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
datagrams.bind(("::", port))
def echo_datagrams():
    while True:
        datagrams.sendto(*datagrams.recvfrom(65535))
threading.Thread(target=echo_datagrams, daemon=True).start()
print("ready", flush=True)
while True:
    connection, _ = listener.accept()
    while received := connection.recv(65535):
        connection.sendall(received)
    connection.close()
"""
# Sends SIZE bytes to an echo and waits for them: KIND ADDRESS PORT SIZE.
ASK = """
import socket, sys
kind, address, port, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
asking = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
asking.settimeout(10)
asking.connect((address, port))
asking.sendall(bytes(size))
left = size
while left > 0:
    left -= len(asking.recv(65535))
asking.close()
"""


class Namespace:
    """A network of its own, with TAP interfaces that are down."""

    def __init__(self):
        self.name = f"picket-test-lwip-{uuid.uuid4().hex[:8]}"

    def add(self):
        """False if this machine lets nobody make namespaces or TAP interfaces."""
        commands = [["ip", "netns", "add", self.name]]
        commands += [["ip", "-n", self.name, "tuntap", "add", tap, "mode", tap[:3]] for tap in TAPS]
        return all(subprocess.run(command, check=False, timeout=10, capture_output=True
                                  ).returncode == 0 for command in commands)

    def ip(self, *arguments):
        subprocess.run(["ip", "-n", self.name, *arguments], check=True, timeout=10)

    def address(self):
        self.ip("link", "set", "lo", "up")
        for tap, (addresses, _) in TAPS.items():
            self.ip("address", "add", addresses[0] + "/24", "dev", tap)
            self.ip("address", "add", addresses[1] + "/64", "dev", tap, "nodad")

    def delete(self):
        subprocess.run(["ip", "netns", "delete", self.name], check=False, timeout=10,
                       capture_output=True)

    def command(self, *command):
        return ["ip", "netns", "exec", self.name, *map(str, command)]

    def start(self, *command):
        """A process that says "ready"."""
        process = subprocess.Popen(self.command(*command), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "ready\n"
        return process

    def ask(self, *arguments):
        """From the kernel's side."""
        subprocess.run(self.command(sys.executable, "-c", ASK, *arguments), check=True,
                       timeout=WAIT_S)

    def ping(self, address, size, count=1):
        """True if all are answered."""
        return subprocess.run(self.command("ping", "-q", "-c", count, "-i", "0.2", "-W", "1", "-s",
                                           size, address), check=False, timeout=WAIT_S,
                              stdout=subprocess.DEVNULL).returncode == 0


class Host:
    """lwIP with Picket in it."""

    def __init__(self, namespace, taps, options, program):
        arguments = [word for tap in taps for word in (tap, *TAPS[tap][1])]
        self.namespace = namespace
        self.taps = taps
        self.process = namespace.start(program, *options, *arguments)
        self.reports = []

    def order(self, *words):
        """True if it was done. Reports that come in between are kept."""
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        while (line := self.process.stdout.readline().strip()) not in ("done", "failed"):
            assert line != "", "it ended"
            self.reports.append(bytes.fromhex(line))
        return line == "done"

    def up(self):
        for tap in self.taps:
            self.namespace.ip("link", "set", tap, "up")
        self.order("up")
        limit = time.monotonic() + WAIT_S
        for tap in self.taps:  # an IPv6 address is of use when no one else has it
            for address in TAPS[tap][1]:
                while not self.namespace.ping(address, 56):
                    assert time.monotonic() < limit

    def end(self):
        """Ends it when nothing is under way any more; all its reports."""
        assert self.order("down")
        time.sleep(0.5)
        for tap in self.taps:
            self.namespace.ip("link", "set", tap, "down")
        assert self.order("report")
        self.process.stdin.close()
        said = self.process.stdout.read()  # not communicate(): readline() has read ahead
        assert self.process.wait(timeout=WAIT_S) == 0
        return self.reports + [bytes.fromhex(line) for line in said.split()]


def kill(process):
    process.kill()
    process.wait(timeout=WAIT_S)
    for pipe in (process.stdin, process.stdout):
        pipe.close()


@pytest.fixture
def namespace():
    made = Namespace()
    try:
        if os.geteuid() != 0 or not made.add():
            pytest.skip("network namespaces with TAP interfaces can't be made here; they take root")
        made.address()
        yield made
    finally:
        made.delete()


@pytest.fixture
def processes(namespace):
    """A function that starts one that says "ready"; all are ended behind the test."""
    started = []

    def start(*command):
        started.append(namespace.start(*command))
        return started[-1]

    yield start
    for process in started:
        kill(process)


@pytest.fixture
def start_host(namespace):
    hosts = []

    def start(*taps, options=("-x",), program=HOST):
        hosts.append(Host(namespace, taps, options, program))
        return hosts[-1]

    yield start
    for host in hosts:
        kill(host.process)


def decode(report):
    ran = subprocess.run([PICKET, "decode", "--json", "-"], input=report, capture_output=True,
                         timeout=WAIT_S, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def told(reports):
    """(sums by flow as captured() has them, malformed and dropped packets, remainder)"""
    sums = collections.Counter()
    others = 0
    for report in map(decode, reports):
        others += sum(report.get("counters", {}).get(name, 0) for name in ("malformed", "dropped"))
        others += report.get("counters", {}).get("folded", 0)
        for flow in report["flows"]:
            local = (flow["local"], flow.get("local_port"))
            peer = (flow["peer"], flow.get("peer_port"))
            key = (flow["protocol"], flow["kind"])
            sums[(*key, local, peer, "packets")] += flow["packets_out"]
            sums[(*key, local, peer, "bytes")] += flow["bytes_out"]
            sums[(*key, peer, local, "packets")] += flow["packets_in"]
            sums[(*key, peer, local, "bytes")] += flow["bytes_in"]
    return +sums, others


PROTOCOLS = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6", "2": "igmp"}
KINDS = {"l4": "whole", "icmp": "whole", "other": "whole", "frag": "fragment"}


def captured(path, table):
    """Packets and bytes in a capture by (protocol, kind, from, to)."""
    ran = replay("--exact-flows", table, path)
    assert ran.returncode == 0, ran.stderr
    sums = collections.Counter()
    with open(table, newline="", encoding="ascii") as text:
        for flow in csv.DictReader(text, delimiter="\t"):
            a, b = ((flow[end + "_addr"], None if flow[end + "_port"] == "-" else
                     int(flow[end + "_port"])) for end in "ab")
            key = (PROTOCOLS[flow["proto"]], KINDS[flow["kind"]])
            for way, ends in (("ab", (a, b)), ("ba", (b, a))):
                sums[(*key, *ends, "packets")] += int(flow["pkts_" + way])
                sums[(*key, *ends, "bytes")] += int(flow["ip_" + way])
    return +sums


def exchange_all(namespace, host, tap):
    """TCP, UDP and pings over IPv4 and IPv6, from either side, in one frame and in three."""
    for kernels, lwips in zip(*TAPS[tap]):
        for size in SIZES:
            for kind in ("tcp", "udp"):
                namespace.ask(kind, lwips, ECHO_PORT, size)
                assert host.order(kind, kernels, PEER_PORT, size)
            assert namespace.ping(lwips, size)
            assert host.order("ping", kernels, 0, size)


def capture(processes, tap, path):
    link_type = RAW_IP if tap.startswith("tun") else ETHERNET
    return processes(sys.executable, "-c", CAPTURE, tap, path, link_type)


def check_equal(host, captures, tmp_path):
    """What the host tells is what was captured, and where it listens; how many packets."""
    reports = host.end()
    for process, _ in captures:
        process.stdin.close()
        assert process.wait(timeout=WAIT_S) == 0
    expected = sum((captured(path, tmp_path / "flows.tsv") for _, path in captures),
                   collections.Counter())
    found, others = told(reports)
    assert found == expected
    assert others == 0
    assert {(listener["protocol"], listener["port"]) for report in map(decode, reports)
            for listener in report.get("listeners", [])} == {("tcp", ECHO_PORT),
                                                             ("udp", ECHO_PORT)}
    return sum(count for key, count in found.items() if key[-1] == "packets")


def test_flows_equal_a_capture_of_everything_that_passed_both_ways(
        namespace, processes, start_host, tmp_path):
    processes(sys.executable, "-c", ECHO, PEER_PORT)
    host = start_host("tap0")
    captures = [(capture(processes, "tap0", tmp_path / "tap0.pcap"), tmp_path / "tap0.pcap")]
    host.up()
    exchange_all(namespace, host, "tap0")
    packets = check_equal(host, captures, tmp_path)
    assert packets > 100
    print(f"{packets} packets")


def test_flows_of_a_link_without_ethernet_equal_a_capture_too(namespace, processes, start_host,
                                                               tmp_path):
    processes(sys.executable, "-c", ECHO, PEER_PORT)
    host = start_host("tun0", options=("-x", "-r"))
    captures = [(capture(processes, "tun0", tmp_path / "tun0.pcap"), tmp_path / "tun0.pcap")]
    host.up()
    exchange_all(namespace, host, "tun0")
    packets = check_equal(host, captures, tmp_path)
    assert packets > 100
    print(f"{packets} packets")


def test_two_netifs_are_watched_by_one_agent(namespace, processes, start_host, tmp_path):
    processes(sys.executable, "-c", ECHO, PEER_PORT)
    host = start_host("tap0", "tap1")
    taps = host.taps
    captures = [(capture(processes, tap, tmp_path / tap), tmp_path / tap) for tap in taps]
    host.up()
    for tap in taps:
        exchange_all(namespace, host, tap)
    check_equal(host, captures, tmp_path)


def pings_told(reports):
    """Echo requests and replies over IPv4."""
    found, others = told(reports)
    assert others == 0
    return sum(count for key, count in found.items() if key[0] == "icmp" and key[-1] == "packets")


def test_detach_leaves_the_stack_running_and_attach_may_come_again(namespace, start_host):
    host = start_host("tap0")
    assert not host.order("attach")  # it is already
    host.up()
    assert host.order("report")
    assert not host.order("attach")
    before = pings_told(host.reports)
    assert namespace.ping("192.0.2.2", 56, 3)
    assert host.order("detach")
    assert not host.order("detach")
    assert namespace.ping("192.0.2.2", 56, 2)
    assert host.order("ping", "192.0.2.1", 0, 100)
    assert host.order("attach")
    assert namespace.ping("192.0.2.2", 56)
    assert pings_told(host.end()) - before == 2 * (3 + 1)


def test_detach_under_load_neither_stops_nor_hurts_the_stack(namespace, start_host):
    host = start_host("tap0")
    host.up()
    with subprocess.Popen(namespace.command("ping", "-q", "-f", "-c", 20000, "192.0.2.2"),
                          stdout=subprocess.PIPE, text=True) as flood:
        for _ in range(200):
            while not host.order("detach"):
                pass
            assert host.order("attach")
        said, _ = flood.communicate(timeout=3 * WAIT_S)
    assert flood.returncode == 0 and " 0% packet loss" in said
    host.end()


# Sends COUNT datagrams of SIZE bytes to an echo, and how many come back: ADDRESS PORT SIZE COUNT.
FLOOD = """
import socket, sys
address, port, size, count = sys.argv[1], *map(int, sys.argv[2:])
asking = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
asking.settimeout(0.5)
asking.connect((address, port))
for _ in range(count):
    asking.send(bytes(size))
try:
    print(len(asking.recv(65535)))
except TimeoutError:
    print("silence")
"""


def test_what_a_policy_blocks_goes_neither_in_nor_out_and_nothing_leaks(
        namespace, processes, start_host, tmp_path):
    """The sanitizer of the host would not let it end well otherwise."""
    processes(sys.executable, "-c", ECHO, PEER_PORT)
    host = start_host("tap0", program=BLOCKING_HOST)
    process = capture(processes, "tap0", tmp_path / "tap0.pcap")
    host.up()
    for kernels, lwips in zip(*TAPS["tap0"]):
        started = time.monotonic()
        assert not host.order("udp", kernels, PEER_PORT, 100)
        assert time.monotonic() - started < 2  # it is told that it was not sent
        for size in SIZES:
            ran = subprocess.run(namespace.command(sys.executable, "-c", FLOOD, lwips, ECHO_PORT,
                                                   size, 100), check=True, timeout=WAIT_S,
                                 capture_output=True, text=True)
            assert ran.stdout == "silence\n"
        assert namespace.ping(lwips, 100)
        assert host.order("tcp", kernels, PEER_PORT, 4000)
    found, others = told(host.end())
    process.stdin.close()
    assert process.wait(timeout=WAIT_S) == 0
    passed = captured(tmp_path / "tap0.pcap", tmp_path / "flows.tsv")
    sources = {key[2][0] for key in passed if key[0] == "udp"}
    assert sources == set(TAPS["tap0"][0])  # the kernel's own, and none of lwIP
    assert others == 0
    assert found - passed == collections.Counter({
        key: count for key, count in found.items()
        if key[0] == "udp" and key[2][0] in TAPS["tap0"][1]})
    assert passed - found == collections.Counter()


def test_reports_reach_a_service_and_raise_an_alert(namespace, start_host, picket, tmp_path,
                                                        monkeypatch):
    monkeypatch.setenv("PICKET_TOKEN", TOKEN)
    indicators = tmp_path / "list.txt"
    indicators.write_text("192.0.2.66 # a test's\n", encoding="utf-8")
    namespace.ip("link", "set", "tap0", "up")
    namespace.ip("address", "add", "192.0.2.66/24", "dev", "tap0")
    service = Service(picket, tmp_path, namespace.command())
    service.start("--listen", "192.0.2.1:8480", "--intel", indicators)
    enrolled = service.run("device", "enrol", "--json", "lwip-host")
    assert enrolled.returncode == 0, enrolled.stderr
    key = json.loads(enrolled.stdout)["key"]
    host = start_host("tap0", options=("-s", "192.0.2.1,8480", "-k", key))
    assert host.order("ping", "192.0.2.66", 0, 100)
    assert host.order("report")
    limit = time.monotonic() + WAIT_S
    alerts = []
    while not alerts and time.monotonic() < limit:
        ran = service.run("alert", "list", "--json")
        assert ran.returncode == 0, ran.stderr
        alerts = [alert for alert in json.loads(ran.stdout)["items"]
                  if alert["type"] == "TI_IP_MATCH"]
        time.sleep(0.1)
    assert [alert["device"] for alert in alerts] == ["lwip-host"]
    (flow,) = alerts[0]["evidence"]["flows"]
    assert (flow["direction"], flow["packets_out"], flow["packets_in"]) == ("outbound", 1, 1)
    assert service.stop() == 0
