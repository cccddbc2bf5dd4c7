# SPDX-License-Identifier: MIT
"""Indicators on their way to devices: made by the service of its index, taken by an agent."""
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from conftest import Service
from namespaces import URL, network, start_agent, wait_until
from signing import make_keys

COUNT = 3500
STRANGERS = 1500


def write_list(path, first):
    """198.51.100.7, and many that nobody talks to, of which the first ones are left out."""
    others = [f"45.{number // 250}.7.{number % 250 + 1}\n" for number in range(first, COUNT)]
    path.write_text("".join(["198.51.100.7 # a test's\n", *others]), encoding="utf-8")


@pytest.fixture(name="keys")
def make_test_keys():
    """In a folder that every user can look into: the agent goes on as another one."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield make_keys(Path(folder))


@pytest.fixture(name="service")
def start_service(network, picket, tmp_path, keys):
    indicators = tmp_path / "list.txt"
    write_list(indicators, 0)
    running = Service(picket, tmp_path, network.on(network.device))
    running.start("--listen", "127.0.0.1:8480", "--intel", indicators, "--device-key",
                  keys / "ed25519.pem", "--device-interval", "1")
    group = tmp_path / "group.json"
    group.write_text(json.dumps({"name": "default", "indicator_bytes": 8192}), encoding="utf-8")
    assert running.run("group", "set", "default", group).returncode == 0
    yield running
    if running.process.poll() is None:
        assert running.stop() == 0


def told(service):
    """What the service has for the group's devices; {} if nothing."""
    ran = service.run("group", "settings", "default", "--json")
    assert ran.returncode == 0, ran.stderr
    return {item["kind"]: item for item in json.loads(ran.stdout)["items"]}.get("indicators", {})


def counters(network):
    """Of /v1/status; the service is to be reached in the device's namespace alone."""
    ask = ("import urllib.request\n"
           f"print(urllib.request.urlopen('{URL}/v1/status', timeout=10).read().decode())")
    ran = subprocess.run(network.on(network.device, sys.executable, "-c", ask), check=True,
                         capture_output=True, text=True, timeout=20)
    return json.loads(ran.stdout)["pipeline"]


def start(start_agent, keys):
    return start_agent("--interface", "eth0", "--device-id", "d1", "--settings-key",
                       keys / "p256.pub.pem", "--audience", "default", "--indicator-key",
                       keys / "ed25519.pub.pem", "--indicator-bytes", "8192")


def test_listed_peers_are_found_by_the_device_and_strangers_are_withdrawn(network, service, keys,
                                                                         start_agent):
    wait_until(lambda: told(service).get("shards") == 4)
    agent = start(start_agent, keys)
    for _ in range(4):
        assert agent.stdout.readline() == "Settings of the service were accepted.\n"
    network.ping("198.51.100.7")
    wait_until(lambda: counters(network)["filter_confirmed"] > 0)
    assert counters(network)["filter_withdrawn"] == 0
    sender = ("import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
              f"for n in range({STRANGERS}):\n"
              "    s.sendto(b'x', (f'100.64.{n // 250}.{n % 250 + 1}', 9))\n")
    subprocess.run(network.on(network.device, sys.executable, "-c", sender), check=True, timeout=20)
    wait_until(lambda: counters(network)["filter_withdrawn"] > 0)


def test_what_is_no_longer_listed_costs_one_shard(service, tmp_path):
    wait_until(lambda: told(service).get("shards") == 4)
    before = told(service)
    write_list(tmp_path / "list.txt", 2)
    service.process.send_signal(signal.SIGHUP)
    wait_until(lambda: told(service)["revision"] != before["revision"])
    assert told(service)["revision"] == before["revision"] + 1
    service.restart()
    wait_until(lambda: told(service).get("shards") == 4)
    assert told(service)["revision"] == before["revision"] + 1


def test_an_operator_can_not_tell_indicators(service, tmp_path):
    wait_until(lambda: told(service).get("shards") == 4)
    root = Path(__file__).resolve().parents[2]
    signed = tmp_path / "shard.cose"
    signed.write_bytes(bytes.fromhex(
        (root / "spec/vectors/envelopes/eddsa-indicators.hex").read_text(encoding="ascii")))
    ran = service.run("group", "tell", "default", signed)
    assert ran.returncode != 0 and "made by the service" in ran.stderr
