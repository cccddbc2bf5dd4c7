# SPDX-License-Identifier: MIT
"""The flows of devices as the service keeps them: asked by device and by peer, page by page, over
restarts and kills, for as long as it was told to keep them."""
import datetime
import ipaddress
import json
import time
import urllib.error
import urllib.parse

import cbor2
import pytest

import rtos_message as rtos

PEER = "198.51.100.9"
NAME = "peer.example.net"
ANSWERED = 1 << 3
DEVICES, REPORTS = 3, 5


def flow(address, packets):
    endpoint = ipaddress.ip_address(address).packed + (443).to_bytes(2, "big")
    return [ANSWERED, 6, endpoint, 1, packets, packets, 60 * packets, 70 * packets, 0, 1000]


def report(sequence):
    """One minute: PEER, found under NAME, an IPv6 peer, and one that this report alone has."""
    start_ms = (sequence - 1) * 60000
    flows = [flow(PEER, sequence), flow("2001:db8::9", 1), flow(f"203.0.113.{sequence}", 1)]
    return cbor2.dumps({
        0: 1, 1: 77, 2: sequence, 3: [start_ms, 60000, 1], 4: start_ms + 60000, 5: 0, 6: False,
        12: [10, *sum(flows, [])], 13: [2, NAME, ipaddress.ip_address(PEER).packed],
    }, canonical=True)


def all_pages(service, limit=1000, **query):
    items, after = [], {}
    while True:
        text = urllib.parse.urlencode({**query, **after, "limit": limit})
        page = service.get(f"/v1/flows?{text}")
        assert len(page["items"]) <= limit
        items += page["items"]
        if page["next"] is None:
            return items
        after = {"after": page["next"]}


def wait_until(claim, seconds=20):
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end
        time.sleep(0.05)


def keys(items):
    return [(item["device"], item["sequence"], item["flow"]["peer"]) for item in items]


@pytest.fixture(name="fleet")
def start_fleet(service):
    """A service that each device has told of each minute, one report of it twice."""
    service.start()
    for number in range(DEVICES):
        for sequence in range(1, REPORTS + 1):
            service.post(f"d{number}", report(sequence))
        service.post(f"d{number}", report(2))
    return service


def expected(device):
    return {(device, sequence, peer) for sequence in range(1, REPORTS + 1)
            for peer in (PEER, "2001:db8::9", f"203.0.113.{sequence}")}


def test_each_flow_of_a_device_is_there_once_with_all_that_was_told(fleet):
    items = all_pages(fleet, device="d1")
    assert len(items) == 3 * REPORTS and set(keys(items)) == expected("d1")
    assert [item["sequence"] for item in items] == sorted(
        (item["sequence"] for item in items), reverse=True)
    (item,) = [item for item in items if item["sequence"] == 4 and item["flow"]["peer"] == PEER]
    told = item["flow"]
    assert item["boot"] == 77
    assert (told["peer_name"], told["protocol"], told["direction"], told["outcome"],
            told["peer_port"]) == (NAME, "tcp", "outbound", "answered", 443)
    assert (told["connections"], told["packets_in"], told["packets_out"], told["bytes_in"],
            told["bytes_out"]) == (1, 4, 4, 240, 280)


@pytest.mark.parametrize("limit", [1, 2, 7])
def test_pages_of_any_size_join_to_the_same_listing(fleet, limit):
    for query in ({"device": "d2"}, {"peer": PEER}):
        assert keys(all_pages(fleet, limit, **query)) == keys(all_pages(fleet, **query))


@pytest.mark.parametrize("peer, count", [
    (PEER, DEVICES * REPORTS), ("2001:db8::9", DEVICES * REPORTS), (NAME, DEVICES * REPORTS),
    ("203.0.113.3", DEVICES), ("192.0.2.1", 0)])
def test_peer_is_found_with_every_device_that_had_to_do_with_it(fleet, peer, count):
    items = all_pages(fleet, peer=peer)
    assert len(items) == count
    assert {item["flow"]["peer_name" if peer == NAME else "peer"] for item in items} <= {peer}
    assert {item["device"] for item in items} == ({f"d{n}" for n in range(DEVICES)} if count else set())


def test_time_narrows_a_listing(fleet):
    items = all_pages(fleet, device="d0")
    middle = sorted(item["flow"]["last_seen"] for item in items)[len(items) // 2]
    late = all_pages(fleet, device="d0", since=middle)
    assert keys(late) == [key for key, item in zip(keys(items), items)
                          if item["flow"]["last_seen"] >= middle]
    assert 0 < len(late) < len(items)
    assert all_pages(fleet, device="d0", until="2001-01-01T00:00:00Z") == []


def test_flows_outlive_a_kill_and_go_when_none_are_to_be_kept(fleet):
    fleet.kill()
    fleet.start()
    fleet.post("d0", report(REPORTS))  # sent again: its acknowledgement was lost
    assert set(keys(all_pages(fleet, device="d0"))) == expected("d0")
    assert len(all_pages(fleet, device="d0")) == 3 * REPORTS
    fleet.stop()
    fleet.start("--flow-days", "0")
    fleet.post("d0", report(REPORTS + 1))
    fleet.stop()  # what looks after the days has had its first turn by then
    assert list((fleet.data / "flows").glob("*.db")) == []
    fleet.start("--flow-days", "1")
    assert all_pages(fleet, device="d0") == []


def test_day_that_is_over_is_sealed_and_answers_as_before(fleet):
    before = all_pages(fleet, limit=7, device="d1"), all_pages(fleet, peer=PEER)
    fleet.stop()
    (today,) = (fleet.data / "flows").glob("*.db")
    day = datetime.date.fromisoformat(today.stem) - datetime.timedelta(days=2)
    today.rename(today.with_name(f"{day}.db"))  # as if it was two days ago
    fleet.start()
    sealed = today.with_name(f"{day}.sealed.db")
    wait_until(lambda: [path.name for path in sealed.parent.iterdir()] == [sealed.name])
    assert (all_pages(fleet, limit=7, device="d1"), all_pages(fleet, peer=PEER)) == before
    fleet.post("d1", report(REPORTS))  # sent again
    fleet.post("d1", report(REPORTS + 1))
    fleet.kill()
    fleet.start()
    after = all_pages(fleet, device="d1")
    assert keys(after[3:]) == keys(before[0])
    assert {item["sequence"] for item in after[:3]} == {REPORTS + 1}


def test_sealed_day_that_is_damaged_is_named_and_other_days_answer(fleet):
    fleet.stop()
    (today,) = (fleet.data / "flows").glob("*.db")
    day = datetime.date.fromisoformat(today.stem) - datetime.timedelta(days=5)
    today.with_name(f"{day}.sealed.db").write_text("this is no database at all" * 100)
    fleet.start()
    fleet.post("d1", report(REPORTS + 1))
    with pytest.raises(urllib.error.HTTPError) as refusal:
        all_pages(fleet, device="d1")
    assert refusal.value.code == 500
    since = (day + datetime.timedelta(days=1)).isoformat() + "T00:00:00Z"
    assert len(all_pages(fleet, device="d1", since=since)) == 3 * (REPORTS + 1)


@pytest.mark.parametrize("query, said", [
    ("", "give a device or a peer"),
    ("device=d1&peer=192.0.2.1", "give a device or a peer"),
    ("peer=10.0.0.0/8", "peer: allowed is an address or a name"),
    ("device=d1&since=yesterday", "since: allowed is a time"),
    ("device=d1&until=9", "until: allowed is a time"),
    ("device=d1&after=1.2", "after: allowed is what a page has as next"),
    ("device=d1&after=1.2.0.d1", "after: allowed is what a page has as next"),
    ("device=d1&limit=0", "limit"),
])
def test_what_is_asked_wrongly_is_refused_with_the_reason(service, query, said):
    service.start()
    with pytest.raises(urllib.error.HTTPError) as refusal:
        service.get(f"/v1/flows?{query}")
    assert refusal.value.code == 400
    assert said in json.load(refusal.value)["error"]["reason"]


def test_command_line_shows_flows_of_a_device_and_with_a_peer(fleet):
    ran = fleet.run("flows", "--device", "d1", "--limit", "4")
    assert ran.returncode == 0 and "there are more: --limit N" in ran.stdout
    assert ran.stdout.splitlines()[0].split()[:2] == ["LAST", "SEEN"]
    assert ran.stdout.count(" d1 ") == 4
    ran = fleet.run("flows", "--peer", NAME, "--since", "PT1H", "--json")
    assert len(json.loads(ran.stdout)["items"]) == DEVICES * REPORTS
    assert fleet.run("flows", "--peer", "192.0.2.1").stdout == "none\n"
    for wrong in (("flows",), ("flows", "--device", "d1", "--peer", PEER),
                  ("flows", "--device", "d1", "--limit", "0")):
        assert fleet.run(*wrong).returncode == 2
    ran = fleet.run("flows", "--device", "nobody")
    assert ran.returncode == 1 and "there is no device 'nobody'" in ran.stderr


def send_legacy(service, event):
    service.post("old-1", rtos.serialize(rtos.message([event])), "application/octet-stream")


def test_command_line_says_unknown_where_a_format_tells_nothing(service):
    activity = rtos.activity("10.0.0.2", PEER, 50001, 443, 900, 300)
    send_legacy(service.start(), rtos.event(1, 1700000000, 10, rtos.network([activity])))
    row = service.run("flows", "--device", "old-1").stdout.splitlines()[1].split()
    assert row[-3:] == ["unknown", "900", "300"]


def test_an_empty_list_of_alerts_says_whether_anybody_looked(service, tmp_path):
    (tmp_path / "list.txt").write_text("192.0.2.77\n", encoding="ascii")
    service.start()
    assert service.run("alert", "list").stdout == "none: no device has reported yet\n"
    send_legacy(service, rtos.event(4, 1700000000, 60, rtos.heartbeat()))
    assert "no indicators are loaded" in service.run("alert", "list").stdout
    service.stop()
    service.start("--intel", tmp_path / "list.txt")
    assert service.run("alert", "list").stdout == \
        "none: what 1 device reported was held against 1 indicator\n"
