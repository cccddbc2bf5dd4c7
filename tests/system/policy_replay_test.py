# SPDX-License-Identifier: MIT
"""A policy over a recorded capture: what the real device code says of it, and the service."""
import json
import subprocess

import pytest

from replaying import ROOT
from signing import make_keys, sign

CAPTURE = ROOT / "examples/captures/camera.pcapng"
DEVICE = "10.77.0.2"
LISTED = "198.51.100.7"  # what the camera of the capture speaks with, port 443
POLICY = {"kind": "policy", "revision": 1, "audience": "cameras", "mode": "alert",
          "rules": [{"action": "deny", "direction": "outbound", "protocol": "tcp",
                     "prefix": "198.51.100.0/24", "ports": "443"}]}


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def replay(picket, keys, tmp_path):
    """Replays the capture under a policy."""
    def run(policy, *arguments, audience="cameras", key="ed25519"):
        signed = sign(picket, policy, keys / "ed25519.pem", tmp_path / "policy")
        return subprocess.run(
            [picket, "replay", "--device", DEVICE, "--settings", signed, "--settings-key",
             keys / f"{key}.pub.pem", "--audience", audience, *arguments, CAPTURE],
            capture_output=True, text=True, timeout=60, check=False)
    return run


@pytest.fixture
def document(replay):
    """What the replay says, as JSON."""
    def run(policy, *arguments):
        ran = replay(policy, "--json", *arguments)
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)
    return run


def alerts_of(document, kind):
    return [alert for alert in document["alerts"] if alert["type"] == kind]


def packets_with(document, peer):
    """Of the flow that the alert about a listed peer shows."""
    (alert,) = alerts_of(document, "TI_IP_MATCH")
    assert alert["key"] == peer
    return alert["evidence"]["total"]["packets_in"] + alert["evidence"]["total"]["packets_out"]


@pytest.fixture
def listed(tmp_path):
    path = tmp_path / "listed.txt"
    path.write_text(LISTED + "\n", encoding="utf-8")
    return path


def test_every_packet_that_a_rule_denies_is_in_a_verdict(document, listed):
    result = document(POLICY, "--intel", listed)
    (device,) = result["devices"]
    (verdict,) = device["verdicts"]
    assert verdict == {"direction": "outbound", "cause": "rule", "protocol": "tcp", "peer": LISTED,
                       "port": 443, "rule": 0, "revision": 1,
                       "packets": packets_with(result, LISTED), "blocked": 0}
    (alert,) = alerts_of(result, "DEV_POLICY_DENIED")
    assert alert["evidence"]["verdicts"] == [verdict]
    assert alert["evidence"]["measure"]["observed"] == verdict["packets"]
    assert alert["reason"] == f"Outbound tcp/443 to {LISTED} was denied, but let pass, by policy " \
                              "revision 1: rule 0."


def test_enforced_policy_blocks_the_same_packets(document):
    (device,) = document({**POLICY, "mode": "enforce"})["devices"]
    (verdict,) = device["verdicts"]
    assert verdict["blocked"] == verdict["packets"] > 0


def test_observed_policy_gives_verdicts_and_no_alert(document):
    result = document({**POLICY, "mode": "observe"})
    (device,) = result["devices"]
    assert device["verdicts"]
    assert not result["alerts"]


def test_policy_that_allows_everything_says_nothing(document):
    result = document({**POLICY, "rules": []})
    (device,) = result["devices"]
    assert not device["verdicts"]
    assert not result["alerts"]


def test_what_the_filter_finds_is_confirmed_by_the_list(document, listed):
    policy = {**POLICY, "rules": [], "indicators": str(listed)}
    result = document(policy, "--intel", listed)
    (alert,) = result["alerts"]
    assert alert["type"] == "TI_IP_MATCH"
    (verdict,) = alert["evidence"]["verdicts"]
    assert (verdict["cause"], verdict["peer"]) == ("indicator", LISTED)
    assert verdict["packets"] == packets_with(result, LISTED)


def test_what_the_filter_finds_is_withdrawn_without_the_list(document, listed):
    result = document({**POLICY, "rules": [], "indicators": str(listed)})
    (device,) = result["devices"]
    assert [verdict["cause"] for verdict in device["verdicts"]] == ["indicator"]
    assert not result["alerts"]


def test_configuration_changes_the_interval(document):
    usual = document(POLICY)["devices"][0]["reports"]
    configuration = {"kind": "configuration", "revision": 1, "audience": "cameras",
                     "interval_ms": 2000}
    (device,) = document(configuration)["devices"]
    assert device["reports"] > usual
    assert device["packets_out"] == document(POLICY)["devices"][0]["packets_out"]


def test_two_replays_give_the_same_bytes(replay):
    first, second = replay(POLICY), replay(POLICY)
    assert first.returncode == 0
    assert "What the device's policy said" in first.stdout
    assert first.stdout == second.stdout


def test_settings_that_no_device_would_take_are_refused(replay, picket):
    ran = replay(POLICY, audience="sensors")
    assert ran.returncode == 1 and "it is for cameras, not for sensors" in ran.stderr
    ran = replay(POLICY, key="p256")
    assert ran.returncode == 1 and "the signature is not good" in ran.stderr
    ran = subprocess.run([picket, "replay", "--settings", "x", CAPTURE], capture_output=True,
                         text=True, timeout=60, check=False)
    assert ran.returncode == 2 and "go together" in ran.stderr
