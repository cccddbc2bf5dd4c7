# SPDX-License-Identifier: MIT
"""What is listed only now is looked for among the peers of the past."""
import ipaddress
import json
import signal
import time
import urllib.request

import cbor2
import pytest

PEER = "198.51.100.9"
NAME = "peer.example.net"
WAIT_S = 20


def report(sequence):
    """spec/report.cddl: one minute, a look-up of NAME and an answered flow to PEER."""
    start_ms = (sequence - 1) * 60000
    answered = 1 << 3
    address = ipaddress.ip_address(PEER).packed
    flow = [answered, 6, address + (443).to_bytes(2, "big"), 1, 4, 5, 400, 500, 0, 1000]
    return cbor2.dumps({
        0: 1, 1: 77, 2: sequence, 3: [start_ms, 60000, 1], 4: start_ms + 60000, 5: 0, 6: False,
        8: [9, 9, 0, 0, 0, 0], 10: {0: 60000, 1: 64, 2: 1}, 12: [len(flow), *flow],
        13: [2, NAME, address],
    }, canonical=True)


def past_alerts(service, count):
    """Those of TI_RETRO_MATCH, by key, once there are so many."""
    end = time.monotonic() + WAIT_S
    items = []
    while time.monotonic() < end and len(items) < count:
        items = service.get("/v1/alerts?type=TI_RETRO_MATCH")["items"]
        time.sleep(0.05)
    return {(alert["device"], alert["key"]): alert for alert in items}


@pytest.fixture
def indicators(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("192.0.2.1\n", encoding="ascii")
    return path


def list_anew(service, path, text):
    path.write_text(text, encoding="ascii")
    service.process.send_signal(signal.SIGHUP)
    end = time.monotonic() + WAIT_S
    while "lists loaded anew" not in service.log.read_text(encoding="utf-8"):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_peers_are_listed_newest_first_and_by_the_command_line(service):
    service.start()
    for sequence in (1, 2, 3):
        service.post("d1", report(sequence))
    peers = service.get("/v1/devices/d1/peers")
    assert peers["total"] == 3 and peers["next"] is None and peers["evicted"] == 0
    by_kind = {(peer["name"], peer["protocol"]): peer for peer in peers["items"]}
    assert by_kind[None, "tcp"]["address"] == PEER
    assert by_kind[None, "tcp"]["port"] == 443
    assert by_kind[None, "tcp"]["bytes_out"] == 1500
    assert by_kind[None, "tcp"]["reports"] == 3
    assert by_kind[NAME, "tcp"]["bytes_out"] == 1500
    assert by_kind[NAME, "name"]["outcome"] == "answered"
    assert service.get("/v1/devices/d1/peers?limit=1&offset=1")["next"] == 2

    ran = service.run("device", "peers", "d1")
    assert ran.returncode == 0, ran.stderr
    assert PEER in ran.stdout and NAME in ran.stdout and "tcp/443" in ran.stdout
    ran = service.run("device", "peers", "nobody")
    assert ran.returncode == 1 and "there is no device 'nobody'" in ran.stderr


def test_peer_of_the_past_becomes_an_alert_when_it_is_listed(service, indicators):
    service.start("--intel", indicators)
    for device in ("d1", "d2"):
        for sequence in (1, 2):
            service.post(device, report(sequence))
    list_anew(service, indicators, f"192.0.2.1\n{PEER}\n")
    alerts = past_alerts(service, 2)
    assert set(alerts) == {("d1", PEER), ("d2", PEER)}
    alert = alerts["d1", PEER]
    assert alert["severity"] == "High"
    assert alert["evidence"]["total"]["bytes_out"] == 1000
    assert alert["evidence"]["indicator"]["value"] == PEER


def test_look_back_that_was_killed_is_done_at_the_next_start(service, indicators):
    service.start("--intel", indicators)
    service.post("d1", report(1))
    list_anew(service, indicators, f"192.0.2.1\n{PEER}\n")
    service.kill()
    service.start()
    alerts = past_alerts(service, 1)
    assert alerts["d1", PEER]["count"] == 1
    assert not list(service.data.glob("lookback-*"))


def put(service, path, body):
    request = urllib.request.Request(service.url + path, data=json.dumps(body).encode(),
                                     method="PUT", headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as reply:
        assert reply.status < 300


def test_indicator_that_is_pushed_is_looked_for_at_once(service):
    service.start()
    service.post("d1", report(1))
    put(service, "/v1/feeds/mine", {"from": "push", "category": "c2", "confidence": 90})
    put(service, "/v1/feeds/mine/indicators", {"items": [{"value": "example.net"}]})
    alert = past_alerts(service, 1)["d1", NAME]
    assert alert["evidence"]["indicator"]["feed"] == "mine"


def test_nothing_is_remembered_if_the_operator_wants_so(service, indicators):
    service.start("--intel", indicators, "--ledger-days", "0")
    service.post("d1", report(1))
    assert service.get("/v1/devices/d1/peers")["total"] == 0
    list_anew(service, indicators, f"192.0.2.1\n{PEER}\n")
    assert service.get("/v1/alerts?type=TI_RETRO_MATCH")["items"] == []
