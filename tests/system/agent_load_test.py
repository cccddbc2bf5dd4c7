# SPDX-License-Identifier: MIT
"""1 Gbit/s through the interface that `picket agent` watches: every packet is accounted for.

Compared are packets of the device's interface as the kernel counts them (`ip -s -j link`: received,
sent, and turned away by the cable while being sent) with those of the agent's reports: kept,
folded, malformed, filtered and dropped, which is what the ring had no room for. So that both mean
the same packets, nothing joins or cuts segments (GRO, GSO, TSO are off), and there is only IPv4 on
the cable: no IPv6, and no ARP, of which the agent reports nothing.
"""
import json
import shutil
import subprocess
import time

import pytest

from namespaces import WAIT_S, end, ip, network, start_agent, wait_until
from taker import Taker

COUNTERS, FLOWS = 8, 12  # keys of a report
SECONDS = 3


@pytest.fixture
def taker(network, tmp_path):
    running = Taker(network, tmp_path / "taker")
    yield running
    running.stop()


@pytest.fixture
def wire(network):
    """The network with IPv4 alone, segments as they are, and iperf3 at its other end."""
    if shutil.which("iperf3") is None or shutil.which("ethtool") is None:
        pytest.skip("iperf3 and ethtool are not here")
    addresses = {}
    for name in (network.device, network.neighbour):
        subprocess.run(network.on(name, "ethtool", "-K", "eth0", "gro", "off", "gso", "off", "tso",
                                  "off"), check=True, capture_output=True, timeout=10)
        subprocess.run(network.on(name, "sh", "-c",
                                  "echo 1 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6"),
                       check=True, timeout=10)
        addresses[name] = interface(network, name)["address"]
    for name, other, address in ((network.device, network.neighbour, "192.0.2.2"),
                                 (network.neighbour, network.device, "192.0.2.1")):
        subprocess.run(["ip", "-n", name, "neighbour", "replace", address, "lladdr",
                        addresses[other], "nud", "permanent", "dev", "eth0"], check=True,
                       timeout=10)
    with subprocess.Popen(network.on(network.neighbour, "iperf3", "--server", "--forceflush"),
                          stdout=subprocess.PIPE, text=True) as server:
        while "listening" not in server.stdout.readline():
            pass
        yield network
        server.kill()


def interface(network, name):
    ran = subprocess.run(["ip", "-n", name, "-s", "-s", "-j", "link", "show", "eth0"], check=True,
                         capture_output=True, text=True, timeout=10)
    return json.loads(ran.stdout)[0]


def passed(network):
    """Packets that the device's interface counted."""
    counted = interface(network, network.device)["stats64"]
    return counted["rx"]["packets"] + counted["tx"]["packets"] + counted["tx"]["dropped"]


def run_iperf3(network, *options):
    """Bits per second that were sent."""
    ran = subprocess.run(network.on(network.device, "iperf3", "--client", "192.0.2.2", "--time",
                                    SECONDS, "--bitrate", "1G", "--json", *options), check=True,
                         capture_output=True, text=True, timeout=SECONDS + WAIT_S)
    ended = json.loads(ran.stdout)["end"]
    return ended.get("sum_sent", ended.get("sum"))["bits_per_second"]


def counted(taker):
    """The agent's counters, added up: seen, kept, folded, malformed, filtered, dropped."""
    rows = [report[COUNTERS] for report in taker.taken() if COUNTERS in report]
    return [sum(column) for column in zip(*rows)]


@pytest.mark.parametrize("options", [[], ["--reverse"], ["--udp", "--length", "1400"],
                                     ["--udp", "--length", "100", "--bitrate", "100M"]],
                         ids=["tcp", "tcp-reverse", "udp", "udp-small"])
def test_no_packet_of_a_busy_link_is_unaccounted_for(wire, taker, start_agent, options):
    agent = start_agent("--interface", "eth0", "--device-id", "d1", to=taker.url)
    before = passed(wire)
    speed = run_iperf3(wire, *options)
    assert end(agent) == (0, "")
    seen, *parts = counted(taker)
    print(f"{speed / 1e6:.0f} Mbit/s, {seen} packets: {parts} kept, folded, malformed, filtered, "
          "dropped")
    assert seen == sum(parts)
    assert seen == passed(wire) - before
    assert seen > 10000


def test_what_the_ring_has_no_room_for_is_reported_as_dropped(wire, taker, start_agent):
    agent = start_agent("--interface", "eth0", "--device-id", "d1", to=taker.url)
    before = passed(wire)
    subprocess.run(["kill", "-STOP", str(agent.pid)], check=True)
    run_iperf3(wire)
    subprocess.run(["kill", "-CONT", str(agent.pid)], check=True)
    assert end(agent) == (0, "")
    seen, *parts = counted(taker)
    assert parts[-1] > 1000
    assert seen == sum(parts) == passed(wire) - before


def echoes(taker, peer):
    """Packets to and from @p peer that the reports have."""
    total = 0
    for report in taker.taken():
        size, *items = report[FLOWS]
        rows = [items[at:at + size] for at in range(0, len(items), size)]
        total += sum(row[4] + row[5] for row in rows if row[1] == 1 and row[2][:4] == peer)
    return total


@pytest.mark.parametrize("arguments", [(), ("--address", "192.0.2.1")], ids=["host", "neighbour"])
def test_an_interface_that_is_removed_is_watched_again_when_it_is_back(network, taker, start_agent,
                                                                        arguments):
    agent = start_agent("--interface", "eth0", "--device-id", "d1", *arguments, to=taker.url)
    peer = bytes((192, 0, 2, 2))
    network.ping("192.0.2.2")
    for passed_before in (6, 12):
        wait_until(lambda: echoes(taker, peer) == passed_before)
        network.unplug()
        assert "eth0 can't be watched for now: Network is down" in agent.stdout.readline()
        network.plug_in()
        time.sleep(0.5)  # the agent looks for it several times a second
        network.ping("192.0.2.2")
    wait_until(lambda: echoes(taker, peer) == 18)
    ip("-n", network.device, "link", "set", "eth0", "down")
    assert "eth0 can't be watched for now: Network is down" in agent.stdout.readline()
    ip("-n", network.device, "link", "set", "eth0", "up")
    network.ping("192.0.2.2")
    wait_until(lambda: echoes(taker, peer) == 24)
    assert end(agent) == (0, "")


def test_two_interfaces_are_watched_at_once(network, taker, start_agent):
    agent = start_agent("--interface", "lo", "--interface", "eth0", "--device-id", "d1",
                        to=taker.url)
    network.ping("127.0.0.2", 2)
    network.ping("192.0.2.2", 3)
    wait_until(lambda: taker.taken())
    assert end(agent) == (0, "")
    peers = set()
    for report in taker.taken():
        size, *items = report[FLOWS]
        peers |= {items[at + 2][:4] for at in range(0, len(items), size)}
    assert {bytes((127, 0, 0, 2)), bytes((192, 0, 2, 2))} <= peers
