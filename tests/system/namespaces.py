# SPDX-License-Identifier: MIT
"""Two network namespaces joined by a cable, and `picket agent` running in them."""
import os
import signal
import subprocess
import time
import uuid

import pytest

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
        self.plug_in()

    def unplug(self):
        """The interfaces at both ends of the cable are no more."""
        ip("-n", self.device, "link", "delete", "eth0")

    def plug_in(self):
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
def start_agent(network, picket):
    """A function that starts an agent; those that the test leaves running are ended."""
    agents = []
    # A process that changed its user can't be looked into, by the leak checker either.
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}

    def start(*arguments, namespace=network.device, to=URL, first="Watching", by=()):
        agents.append(subprocess.Popen(
            network.on(namespace, *by, picket, "agent", "--to", to, "--interval", 1, *arguments),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment))
        assert first in agents[-1].stdout.readline()
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


def wait_until(claim):
    limit = time.monotonic() + WAIT_S
    while not claim():
        assert time.monotonic() < limit
        time.sleep(0.1)
