# SPDX-License-Identifier: MIT
"""`picket agent` on a real interface: a device and a neighbour, each in a network namespace."""
import json
import os
import re
import signal
import subprocess
import time
import uuid

import pytest

from conftest import Service

WAIT_S = 20
URL = "http://127.0.0.1:8480"

def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, timeout=10)


class Network:
    """device (192.0.2.1) and neighbour (192.0.2.2, 198.51.100.7), joined by a cable."""

    def __init__(self):
        suffix = uuid.uuid4().hex[:8]
        self.device = f"picket-test-device-{suffix}"
        self.neighbour = f"picket-test-neighbour-{suffix}"

    def add(self):
        """False if this machine lets nobody make namespaces: a container, for one."""
        made = [subprocess.run(["ip", "netns", "add", name], check=False, timeout=10,
                               capture_output=True).returncode
                for name in (self.device, self.neighbour)]
        return made == [0, 0]

    def up(self):
        for name in (self.device, self.neighbour):
            ip("-n", name, "link", "set", "lo", "up")
        ip("link", "add", "eth0", "netns", self.device, "type", "veth",
           "peer", "name", "eth0", "netns", self.neighbour)
        for name, address in ((self.device, "192.0.2.1/24"), (self.neighbour, "192.0.2.2/24"),
                              (self.neighbour, "198.51.100.7/32")):
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "address", "add", address, "dev", "eth0")
        ip("-n", self.device, "route", "add", "default", "via", "192.0.2.2")

    def down(self):
        for name in (self.device, self.neighbour):
            subprocess.run(["ip", "netns", "delete", name], check=False, timeout=10,
                           capture_output=True)

    def on(self, namespace, *command):
        return ["ip", "netns", "exec", namespace, *map(str, command)]

    def ping(self, address, count=3):
        subprocess.run(self.on(self.device, "ping", "-q", "-c", count, "-i", "0.2", address),
                       check=True, stdout=subprocess.DEVNULL, timeout=20)


@pytest.fixture
def network():
    made = Network()
    try:
        if os.geteuid() != 0 or not made.add():
            pytest.skip("network namespaces can't be made here; they take root")
        made.up()
        yield made
    finally:
        made.down()


@pytest.fixture
def service(network, picket, tmp_path):
    """In the device's namespace, always at the same address."""
    indicators = tmp_path / "list.txt"
    indicators.write_text("198.51.100.7 # a test's\n", encoding="utf-8")
    running = Service(picket, tmp_path, network.on(network.device))
    running.start("--listen", "127.0.0.1:8480", "--intel", indicators)
    yield running
    if running.process.poll() is None:
        assert running.stop() == 0


@pytest.fixture
def start_agent(network, picket):
    """A function that starts an agent; those that the test leaves running are ended."""
    agents = []

    def start(*arguments, namespace=network.device):
        agents.append(subprocess.Popen(
            network.on(namespace, picket, "agent", "--to", URL, "--interval", 1, *arguments),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        assert "Watching" in agents[-1].stdout.readline()
        return agents[-1]

    yield start
    for agent in agents:
        if agent.poll() is None:
            agent.kill()
            agent.wait(timeout=10)


def end(agent):
    """(exit status, what it said)"""
    agent.send_signal(signal.SIGTERM)
    said, _ = agent.communicate(timeout=WAIT_S)
    return agent.returncode, said


def items(service, *verb):
    ran = service.run(*verb, "--json")
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)["items"]


def wait_until(claim):
    limit = time.monotonic() + WAIT_S
    while not claim():
        assert time.monotonic() < limit
        time.sleep(0.1)


def listed_flow(service):
    """The one flow of the one alert."""
    (alert,) = [alert for alert in items(service, "alert", "list")
                if alert["type"] == "TI_IP_MATCH"]
    (flow,) = alert["evidence"]["flows"]
    return flow


def test_the_last_report_holds_what_came_since_the_one_before(network, service, start_agent):
    agent = start_agent("--interface", "eth0", "--device-id", "d1", "--interval", "3600")
    network.ping("198.51.100.7")
    time.sleep(0.5)  # what the kernel still holds back, the agent cannot report
    assert end(agent) == (0, "")
    flow = listed_flow(service)
    assert (flow["direction"], flow["packets_out"], flow["packets_in"]) == ("outbound", 3, 3)


def test_a_neighbour_watches_the_device_by_its_address(network, service, picket, tmp_path,
                                                       start_agent):
    # The watcher stands at the other end of the cable, and has a service of its own.
    service.stop()
    other = Service(picket, tmp_path, network.on(network.neighbour)).start(*service.options)
    agent = start_agent("--interface", "eth0", "--device-id", "d1", "--address", "192.0.2.1",
                        namespace=network.neighbour)
    network.ping("198.51.100.7")
    time.sleep(0.5)
    assert end(agent) == (0, "")
    flow = listed_flow(other)
    assert (flow["direction"], flow["packets_out"], flow["packets_in"]) == ("outbound", 3, 3)
    assert other.stop() == 0


def test_what_was_seen_while_the_service_was_away_is_reported_when_it_is_back(
        network, service, start_agent):
    agent = start_agent("--interface", "eth0", "--device-id", "d1")
    wait_until(lambda: items(service, "device", "list"))
    service.stop()
    network.ping("198.51.100.7")
    time.sleep(2)
    service.restart()
    wait_until(lambda: items(service, "alert", "list"))
    status, said = end(agent)
    assert status == 0
    assert re.fullmatch(r"picket: no service answers at .*\npicket: reports go through again\n", said)
    assert listed_flow(service)["packets_out"] == 3
    (device,) = items(service, "device", "list")
    assert device["missing"] == 0


@pytest.mark.parametrize("arguments, status, words", [
    (["--interface", "none-such", "--device-id", "d1"], 1, "there is no interface 'none-such'"),
    (["--interface", "lo"], 2, "it takes --interface and --device-id"),
    (["--interface", "lo", "--device-id", "a b"], 2, "'a b' is no good value"),
    (["--interface", "lo", "--device-id", "d1", "--interval", "0"], 2, "'0' is no good value"),
    (["--interface", "lo", "--device-id", "d1", "--address", "1.2.3"], 2, "'1.2.3' is no good"),
    (["--interface", "lo", "--device-id", "d1", "--to", "ftp://x"], 1, "'ftp://x' is no URL"),
])
def test_what_makes_no_sense_is_refused_with_a_sentence(picket, arguments, status, words):
    ran = subprocess.run([picket, "agent", *arguments], capture_output=True, text=True,
                         timeout=20, check=False)
    assert ran.returncode == status
    assert words in ran.stderr
