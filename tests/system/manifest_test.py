# SPDX-License-Identifier: MIT
"""MISP feeds over HTTP and from a folder, from `picket ti feed add` to what raises an alert."""
import json
import time

import pytest

from feed_server import Server, reply

WAIT_S = 20
UUIDS = [f"0000000{n}-1111-4222-8333-444444444444" for n in range(4)]


def event(uuid, timestamp, address):
    return {"Event": {"uuid": uuid, "timestamp": str(timestamp), "info": f"about {address}",
                      "Attribute": [{"type": "ip-dst", "value": address, "to_ids": True}]}}


class Feed:
    """What a server of a MISP feed has: events by UUID, and the manifest made of them."""

    def __init__(self):
        self.events = {}
        self.manifest = None  # bytes, in the place of what is made
        self.moved = {}  # paths that are elsewhere

    def put(self, uuid, timestamp, address):
        self.events[uuid] = event(uuid, timestamp, address)

    def manifest_bytes(self):
        if self.manifest is not None:
            return self.manifest
        return json.dumps({uuid: {"info": "x", "timestamp": one["Event"]["timestamp"]}
                           for uuid, one in self.events.items()}).encode()

    def answer(self, request):
        name = request.path.rsplit("/", 1)[1].removesuffix(".json")
        if request.path in self.moved:
            reply(request, 302, Location=self.moved[request.path])
        elif request.path == "/osint/manifest.json":
            reply(request, body=self.manifest_bytes())
        elif request.path.startswith("/osint/") and name in self.events:
            reply(request, body=json.dumps(self.events[name]).encode())
        else:
            reply(request, 404)


@pytest.fixture
def feed():
    running = Feed()
    for n, uuid in enumerate(UUIDS[:3]):
        running.put(uuid, 1700000000 + n, f"8.8.{n}.1")
    return running


@pytest.fixture
def server(feed):
    running = Server(feed.answer)
    yield running
    running.stop()


def wait_until(claim):
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        if claim():
            return True
        time.sleep(0.05)
    return False


def add(service, *words):
    added = service.run("ti", "feed", "add", "misp", "confidence=80", *words)
    assert added.returncode == 0, added.stderr


def state(service):
    return service.get("/v1/feeds/misp")["state"]


def is_listed(service, value):
    return service.get(f"/v1/indicators/{value}")["result"] == "raised"


def paths(server):
    taken = [path for path, _ in server.requests]
    server.requests.clear()
    return taken


def test_events_are_fetched_and_after_a_restart_only_those_that_changed(service, server, feed):
    service.start()
    add(service, "from=url", f"source={server.url}/osint/manifest.json")
    assert wait_until(lambda: is_listed(service, "8.8.2.1"))
    assert paths(server) == ["/osint/manifest.json"] + [f"/osint/{uuid}.json" for uuid in UUIDS[:3]]
    assert wait_until(lambda: state(service)["load"])
    assert state(service)["load"]["accepted"] == 3

    service.restart()
    feed.put(UUIDS[1], 1700009999, "8.8.9.1")
    feed.put(UUIDS[3], 1700009999, "8.8.9.2")
    service.run("ti", "feed", "refresh", "misp")
    assert wait_until(lambda: is_listed(service, "8.8.9.2"))
    assert paths(server) == ["/osint/manifest.json"] + [f"/osint/{UUIDS[n]}.json" for n in (1, 3)]
    assert is_listed(service, "8.8.9.1") and not is_listed(service, "8.8.1.1")
    assert is_listed(service, "8.8.0.1")


def test_no_event_is_fetched_from_elsewhere(service, server, feed):
    other = Server(feed.answer)
    feed.moved[f"/osint/{UUIDS[1]}.json"] = f"{other.url}/osint/{UUIDS[1]}.json"
    service.start()
    add(service, "from=url", f"source={server.url}/osint/manifest.json")
    assert wait_until(lambda: state(service)["refusal"])
    assert UUIDS[1] in state(service)["refusal"] and "302" in state(service)["refusal"]
    assert paths(other) == [] and not is_listed(service, "8.8.0.1")
    other.stop()


@pytest.mark.parametrize("manifest, words", [
    (b'{"../../v1/status": {"timestamp": "1700000000"}}', "no UUID"),
    (b'{"//127.0.0.2/x": {"timestamp": "1700000000"}}', "no UUID"),
    (json.dumps({f"{n:08x}-1111-4222-8333-444444444444": {"timestamp": "1700000000"}
                 for n in range(100000)}).encode(), "more than 32768 events"),
    (json.dumps({UUIDS[0]: {"timestamp": "1700000000"}}).encode()[:-1], "line 1"),
], ids=["a path", "another host", "very many events", "cut"])
def test_hostile_manifest_is_refused_before_any_event_is_asked_for(service, server, feed, manifest,
                                                                   words):
    feed.manifest = manifest
    service.start()
    add(service, "from=url", f"source={server.url}/osint/manifest.json")
    assert wait_until(lambda: state(service)["refusal"])
    assert words in state(service)["refusal"]
    assert paths(server) == ["/osint/manifest.json"]


def test_event_that_is_a_manifest_itself_leads_nowhere(service, server, feed):
    feed.manifest = json.dumps({UUIDS[0]: {"timestamp": "1700000000"}}).encode()
    feed.events[UUIDS[0]] = {UUIDS[1]: {"timestamp": "1700000000"}}
    service.start()
    add(service, "from=url", f"source={server.url}/osint/manifest.json")
    assert wait_until(lambda: state(service)["refusal"])
    assert "not the event" in state(service)["refusal"]
    assert paths(server) == ["/osint/manifest.json", f"/osint/{UUIDS[0]}.json"]


def test_folder_with_a_manifest_is_read_by_it(service, feed):
    folder = service.data / "feeds/misp"
    folder.mkdir(parents=True)
    (folder / "hashes.csv").write_text("a,b\n", encoding="ascii")
    for uuid, one in feed.events.items():
        (folder / f"{uuid}.json").write_text(json.dumps(one), encoding="ascii")
    (folder / "manifest.json").write_bytes(feed.manifest_bytes())
    service.start()
    add(service, "from=folder", "source=misp")
    assert wait_until(lambda: is_listed(service, "8.8.2.1"))
    assert wait_until(lambda: state(service)["load"])
    assert state(service)["load"]["format"] == "misp" and state(service)["load"]["accepted"] == 3
