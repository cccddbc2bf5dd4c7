# SPDX-License-Identifier: MIT
"""What was acknowledged outlives kill -9 and a full disk, and is counted exactly once."""
import http.client
import ipaddress
import json
import sqlite3
import threading
import time
import urllib.error
import urllib.request

import cbor2

LISTED = "198.51.100.7"
TELL_S = 10
TRY_S = 120


def report(sequence):
    """spec/report.cddl: one minute of a device without a clock, one answered flow to LISTED."""
    start_ms = (sequence - 1) * 60000
    answered = 1 << 3
    flow = [answered, 6, ipaddress.ip_address(LISTED).packed + (443).to_bytes(2, "big"),
            1, 4, 5, 400, 500, 0, 1000]
    return cbor2.dumps({
        0: 1, 1: 77, 2: sequence, 3: [start_ms, 60000, 1], 4: start_ms + 60000, 5: 0, 6: False,
        8: [9, 9, 0, 0, 0, 0], 10: {0: 60000, 1: 64, 2: 1}, 12: [len(flow), *flow],
    }, canonical=True)


def post(service, device, sequence):
    """Status and reason; status None if nobody answered."""
    request = urllib.request.Request(
        f"{service.url}/v1/devices/{device}/reports", data=report(sequence),
        headers={"Content-Type": "application/cbor"})
    try:
        with urllib.request.urlopen(request, timeout=TELL_S) as reply:
            return reply.status, ""
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)["error"]["reason"]
    except OSError:
        return None, "no answer"


class Sender(threading.Thread):
    """A device: the next report only after the last one was acknowledged."""

    def __init__(self, service, device, reports):
        super().__init__()
        self.service = service
        self.device = device
        self.reports = reports
        self.acknowledged = 0
        self.tries = 0

    def run(self):
        end = time.monotonic() + TRY_S
        while self.acknowledged < self.reports and time.monotonic() < end:
            status, _ = post(self.service, self.device, self.acknowledged + 1)
            self.tries += 1
            if status == 200:
                self.acknowledged += 1
            else:
                time.sleep(0.02)


def devices(service):
    """Every device by its id, page by page."""
    found = {}
    page = {"next": 0}
    while page.get("next") is not None:
        page = service.get(f"/v1/devices?limit=100&offset={page['next']}")
        found.update((item["id"], item) for item in page["items"])
    return found


def test_every_acknowledged_report_is_there_exactly_once_after_three_kills(service, tmp_path):
    listed = tmp_path / "listed.txt"
    listed.write_text(LISTED + "\n", encoding="utf-8")
    service.start("--intel", str(listed))
    senders = [Sender(service, f"device-{n}", reports=200) for n in range(4)]
    for sender in senders:
        sender.start()
    for kill in (1, 2, 3):
        end = time.monotonic() + TRY_S
        while sum(s.acknowledged for s in senders) < kill * 150 and time.monotonic() < end:
            time.sleep(0.005)
        service.kill()
        service.restart()
    for sender in senders:
        sender.join()

    assert [s.acknowledged for s in senders] == [200] * 4
    assert sum(s.tries for s in senders) > 800, "the kills disturbed nobody"
    known = devices(service)
    for sender in senders:
        device = known[sender.device]
        assert (device["reports"], device["missing"]) == (200, 0)
        assert device["counters"]["seen"] == 200 * 9
    alerts = service.get("/v1/alerts?type=TI_IP_MATCH")["items"]
    assert sorted((a["device"], a["count"]) for a in alerts) == [
        (s.device, 200) for s in senders]
    for alert in alerts:
        assert alert["evidence"]["total"]["bytes_out"] == 200 * 500


def test_full_disk_refuses_with_a_reason_and_goes_on_when_there_is_room(service, small_disk):
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(1 << 20))
    service.start()
    acknowledged = []
    status, reason = 200, ""
    for n in range(5000):
        status, reason = post(service, f"device-{n}", 1)
        if status != 200:
            break
        acknowledged.append(f"device-{n}")
    assert status == 503, (status, reason)
    late = begin_post(service, f"device-{len(acknowledged)}", 1).getresponse()
    assert (late.status, late.getheader("Retry-After")) == (503, "30")
    assert "disk" in reason and "room" in reason, reason
    assert len(acknowledged) > 10
    assert set(devices(service)) == set(acknowledged), "reading goes on, and nothing half is there"
    assert post(service, f"device-{len(acknowledged)}", 1)[0] == 503

    ballast.unlink()
    again = f"device-{len(acknowledged)}"
    assert post(service, again, 1)[0] == 200
    for n in range(20):
        assert post(service, again, n + 2)[0] == 200
    acknowledged.append(again)

    log = service.log.read_text(encoding="utf-8")
    assert log.count("nothing can be stored") == 1, "a cause is logged once"
    assert log.count("stored again") == 1
    service.kill()
    service.restart()
    counts = {device: item["reports"] for device, item in devices(service).items()}
    assert counts == {**{device: 1 for device in acknowledged}, again: 21}


def begin_post(service, device, sequence):
    """A connection that an answer will come on."""
    connection = http.client.HTTPConnection(service.url.removeprefix("http://"), timeout=TELL_S)
    connection.request("POST", f"/v1/devices/{device}/reports", report(sequence),
                       {"Content-Type": "application/cbor"})
    return connection


def test_full_queue_says_when_to_come_again_and_keeps_what_waits(service):
    service.start("--queue", "8")
    assert post(service, "first", 1)[0] == 200
    lock = sqlite3.connect(service.data / "picket.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")  # the worker waits for that
    asked = {f"device-{n}": begin_post(service, f"device-{n}", 1) for n in range(40)}
    end = time.monotonic() + TELL_S
    while service.get("/v1/status")["pipeline"]["refused"] == 0 and time.monotonic() < end:
        time.sleep(0.02)
    lock.execute("ROLLBACK")
    lock.close()
    refused = []
    for device, connection in asked.items():
        answer = connection.getresponse()
        assert answer.status in (200, 503), (device, answer.status)
        if answer.status == 503:
            assert answer.getheader("Retry-After") == "1"
            assert "send the report again later" in json.load(answer)["error"]["reason"]
            refused.append(device)
    assert 0 < len(refused) < 40
    assert service.get("/v1/status")["reports_refused"]["busy"] == len(refused)
    assert set(devices(service)) == {"first", *asked} - set(refused)
    assert [post(service, device, 1)[0] for device in refused] == [200] * len(refused)
    assert {item["reports"] for item in devices(service).values()} == {1}
