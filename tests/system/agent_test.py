# SPDX-License-Identifier: MIT
"""`picket agent` on a real interface: a device and a neighbour, each in a network namespace."""
import json
import os
import pwd
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from conftest import Service
from namespaces import WAIT_S, end, network, start_agent, wait_until
from signing import make_keys, sign

# Answers one question: twenty addresses of TEST-NET-3, and behind them 198.51.100.7.
RESOLVER = """
import socket
resolver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
resolver.bind(("192.0.2.2", 53))
print("ready", flush=True)
question, device = resolver.recvfrom(512)
records = [bytes((203, 0, 113, last)) for last in range(20)] + [bytes((198, 51, 100, 7))]
answer = b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\1\\0\\0\\4"
resolver.sendto(question[:2] + b"\\x81\\x80\\0\\1" + bytes((0, len(records))) + question[8:] +
                b"".join(answer + record for record in records), device)
"""
ASK = """
import socket
device = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
device.settimeout(10)
device.sendto(b"\\x12\\x34\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\6camera\\7example\\0\\0\\1\\0\\1",
              ("192.0.2.2", 53))
assert len(device.recv(512)) > 256
"""

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
def open_folder():
    """One that every user can look into; the test's own is its user's alone."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


def items(service, *verb):
    ran = service.run(*verb, "--json")
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)["items"]


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


def test_a_name_that_the_device_asked_for_stands_beside_the_peer(network, service, start_agent):
    agent = start_agent("--interface", "eth0", "--device-id", "d1", "--interval", "3600")
    with subprocess.Popen(network.on(network.neighbour, sys.executable, "-c", RESOLVER),
                          stdout=subprocess.PIPE, text=True) as resolver:
        assert resolver.stdout.readline() == "ready\n"
        subprocess.run(network.on(network.device, sys.executable, "-c", ASK), check=True,
                       timeout=WAIT_S)
    network.ping("198.51.100.7")
    time.sleep(0.5)
    assert end(agent) == (0, "")
    assert listed_flow(service)["peer_name"] == "camera.example"


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


def test_with_a_spool_the_service_misses_nothing_though_agent_and_service_were_away(
        network, service, start_agent, tmp_path):
    arguments = ("--interface", "eth0", "--device-id", "d1", "--spool", tmp_path / "spool")
    agent = start_agent(*arguments)
    wait_until(lambda: items(service, "device", "list"))
    service.stop()
    network.ping("198.51.100.7")
    reports = tmp_path / "spool" / "device-d1"
    wait_until(lambda: len(list(reports.glob("report-*"))) >= 3)
    agent.kill()
    agent.wait(timeout=10)
    agent = start_agent(*arguments)
    service.restart()
    wait_until(lambda: not list(reports.glob("report-*")))
    assert end(agent)[0] == 0
    assert listed_flow(service)["packets_out"] == 3
    (device,) = items(service, "device", "list")
    assert device["missing"] == 0


def process(agent):
    """What the kernel says of a process: {"Uid": ["0", "0", "0", "0"], …}."""
    with open(f"/proc/{agent.pid}/status", encoding="ascii") as lines:
        return {key: value.split() for key, value in (line.split(":", 1) for line in lines)}


@pytest.mark.parametrize("arguments, user", [([], "nobody"), (["--user", "daemon"], "daemon"),
                                             (["--user", "root"], "root")])
def test_it_keeps_no_privilege_once_the_interface_is_open(network, service, start_agent, arguments,
                                                          user):
    agent = start_agent("--interface", "eth0", "--device-id", "d1", *arguments)
    entry = pwd.getpwnam(user)
    said = process(agent)
    assert set(said["Uid"]) == {str(entry.pw_uid)}
    assert set(said["Gid"]) == {str(entry.pw_gid)}
    assert set(said["Groups"]) == set(map(str, os.getgrouplist(user, entry.pw_gid)))
    for held in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(said[held][0], 16) == 0, held
    assert said["NoNewPrivs"] == ["1"]
    # and watches all the same
    network.ping("198.51.100.7")
    wait_until(lambda: items(service, "alert", "list"))
    assert end(agent) == (0, "")
    assert listed_flow(service)["packets_out"] == 3


def test_it_is_enough_to_be_started_with_one_capability_by_any_user(network, service, picket,
                                                                    start_agent, open_folder):
    # As systemd's User= and AmbientCapabilities= do.
    by = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "--inh-caps",
          "-all,+net_raw", "--ambient-caps", "+net_raw"]
    if subprocess.run([*by, "test", "-x", picket], check=False, timeout=10).returncode != 0:
        pytest.skip("nobody can't run the binary where it is")
    os.chown(open_folder, pwd.getpwnam("nobody").pw_uid, -1)
    agent = start_agent("--interface", "eth0", "--device-id", "d1", "--spool",
                        open_folder / "spool", by=by)
    assert int(process(agent)["CapPrm"][0], 16) == 0
    network.ping("198.51.100.7")
    wait_until(lambda: items(service, "alert", "list"))
    assert end(agent) == (0, "")


def test_settings_that_its_user_can_not_read_are_told_at_once(network, picket, keys, tmp_path):
    signed = sign(picket, POLICY, keys / "ed25519.pem", tmp_path / "policy")
    ran = subprocess.run(
        network.on(network.device, picket, "agent", "--interface", "eth0", "--device-id", "d1",
                   "--settings", signed, "--settings-key", keys / "ed25519.pub.pem",
                   "--audience", "cameras"),
        capture_output=True, text=True, timeout=20, check=False,
        env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
    assert ran.returncode == 1
    assert f"{signed} can't be read as user nobody: Permission denied" in ran.stderr


POLICY = {"kind": "policy", "revision": 1, "audience": "cameras", "mode": "alert",
          "rules": [{"action": "deny", "direction": "outbound", "protocol": "icmp",
                     "prefix": "198.51.100.0/24"}]}


@pytest.fixture
def keys(tmp_path):
    folder = tmp_path / "keys"
    folder.mkdir()
    return make_keys(folder)


def alerts_of(service, kind):
    return [alert for alert in items(service, "alert", "list") if alert["type"] == kind]


def test_a_signed_policy_is_followed_from_the_start(network, service, picket, keys, open_folder,
                                                    start_agent):
    signed = sign(picket, POLICY, keys / "ed25519.pem", open_folder / "policy")
    agent = start_agent("--interface", "eth0", "--device-id", "d1", "--settings", signed,
                        "--settings-key", keys / "ed25519.pub.pem", "--audience", "cameras")
    assert agent.stdout.readline() == f"Settings of {signed} were accepted.\n"
    network.ping("198.51.100.7")
    wait_until(lambda: alerts_of(service, "DEV_POLICY_DENIED"))
    assert end(agent) == (0, "")
    (alert,) = alerts_of(service, "DEV_POLICY_DENIED")
    assert {(verdict["cause"], verdict["rule"], verdict["peer"], verdict["blocked"])
            for verdict in alert["evidence"]["verdicts"]} == {("rule", 0, "198.51.100.7", 0)}


def test_a_changed_file_is_followed_and_a_wrong_one_is_refused(network, service, picket, keys,
                                                              open_folder, start_agent):
    signed = sign(picket, POLICY, keys / "p256.pem", open_folder / "policy")
    agent = start_agent("--interface", "eth0", "--device-id", "d1", "--settings", signed,
                        "--settings-key", keys / "p256.pub.pem", "--audience", "cameras")
    assert "accepted" in agent.stdout.readline()
    sign(picket, {**POLICY, "revision": 2, "rules": []}, keys / "p256.pem", signed)
    assert "accepted" in agent.stdout.readline()
    sign(picket, {**POLICY, "revision": 3}, keys / "ed25519.pem", signed)
    assert f"{signed} was refused; the next report says why" in agent.stdout.readline()
    wait_until(lambda: alerts_of(service, "DEV_CONFIG_ERROR"))
    (alert,) = alerts_of(service, "DEV_CONFIG_ERROR")
    assert alert["reason"] == \
        "Settings were refused: not signed by a key that the device knows."
    # it only looks on, and says so instead of that it blocks
    sign(picket, {**POLICY, "revision": 4, "mode": "enforce"}, keys / "p256.pem", signed)
    assert "was refused" in agent.stdout.readline()
    wait_until(lambda: len(alerts_of(service, "DEV_CONFIG_ERROR")) == 2)
    assert "policy" in {alert["key"] for alert in alerts_of(service, "DEV_CONFIG_ERROR")}
    assert end(agent) == (0, "")


def test_a_policy_that_the_service_tells_is_taken(network, service, picket, keys, tmp_path,
                                                          start_agent):
    signed = sign(picket, POLICY, keys / "ed25519.pem", tmp_path / "policy")
    agent = start_agent("--interface", "eth0", "--device-id", "d1", "--settings-key",
                        keys / "ed25519.pub.pem", "--audience", "cameras")
    ran = service.run("group", "tell", "default", signed)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert agent.stdout.readline() == "Settings of the service were accepted.\n"
    network.ping("198.51.100.7")
    wait_until(lambda: alerts_of(service, "DEV_POLICY_DENIED"))
    assert end(agent) == (0, "")
    assert not alerts_of(service, "DEV_CONFIG_ERROR")


@pytest.mark.parametrize("arguments, status, words", [
    (["--interface", "none-such", "--device-id", "d1"], 1, "there is no interface 'none-such'"),
    (["--interface", "lo"], 2, "it takes --interface and --device-id"),
    (["--interface", "lo", "--device-id", "a b"], 2, "'a b' is no good value"),
    (["--interface", "lo", "--device-id", "d1", "--interval", "0"], 2, "'0' is no good value"),
    (["--interface", "lo", "--device-id", "d1", "--address", "1.2.3"], 2, "'1.2.3' is no good"),
    (["--interface", "lo", "--device-id", "d1", "--to", "ftp://x"], 1, "'ftp://x' is no URL"),
    (["--interface", "lo", "--device-id", "d1", "--audience", "a"], 2, "go together"),
    (["--interface", "lo", "--device-id", "d1", "--settings", "/none", "--settings-key", "/none",
      "--audience", "A"], 2, "--audience takes"),
    (["--interface", "lo", "--device-id", "d1", "--settings", "/none", "--settings-key", "/none",
      "--audience", "a"], 1, "/none can't be opened"),
    (["--interface", "lo", "--device-id", "d1", "--user", "none-such"], 1,
     "there is no user 'none-such'"),
    (["--interface", "lo", "--device-id", "d1", "--settings", "/dev/null", "--settings-key",
      "/dev/null", "--audience", "a"], 1, "/dev/null: needed is a public key"),
])
def test_what_makes_no_sense_is_refused_with_a_sentence(picket, arguments, status, words):
    ran = subprocess.run([picket, "agent", *arguments], capture_output=True, text=True,
                         timeout=20, check=False)
    assert ran.returncode == status
    assert words in ran.stderr
