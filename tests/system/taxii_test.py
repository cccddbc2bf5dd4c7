# SPDX-License-Identifier: MIT
"""A TAXII 2.1 collection is polled, page after page, and read as one feed."""
import json
import os
from pathlib import Path

import pytest

from feed_server import Collection, ROOT, Server, needs_probe, probe, reply

pytestmark = needs_probe

DATA = Path(os.environ.get("PICKET_TEST_DATA") or ROOT.parent / "shared/data").resolve()


def indicator(number, address=None, **members):
    return {"type": "indicator", "spec_version": "2.1", "id": f"indicator--{number}",
            "modified": "2026-01-01T00:00:00.000Z", "pattern_type": "stix",
            "pattern": f"[ipv4-addr:value = '{address or f'192.0.2.{number}'}']", **members}


@pytest.fixture
def serve():
    servers = []

    def start(answer):
        servers.append(Server(answer))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def poll(server, *options):
    return probe("taxii", server.url + "/api1/collections/c1/", *options)


def values(content, folder):
    """What the STIX reader makes of it."""
    path = folder / "feed.json"
    path.write_text(content, encoding="utf-8")
    return [row["value"] for row in probe("read", "stix", path)["indicators"]]


@pytest.mark.parametrize("gives_next", (True, False))
def test_all_pages_are_one_feed(serve, tmp_path, gives_next):
    things = [{"type": "malware", "id": "malware--1"}, *map(indicator, range(1, 6))]
    server = serve(Collection(things, gives_next=gives_next).answer)
    answer = poll(server)
    assert answer["status"] == "good" and answer["pages"] == 3
    assert answer["added_last"] == "2026-11-25T00:00:05.000000Z"
    assert values(answer["content"], tmp_path) == [f"192.0.2.{n}" for n in range(1, 6)]


def test_nothing_new_is_one_short_question(serve):
    server = serve(Collection(map(indicator, range(1, 6))).answer)
    answer = poll(server, "--added", "2026-11-25T00:00:04.000000Z")
    assert answer["status"] == "good" and answer["is_unchanged"]
    assert answer["content"] == "" and answer["added_last"] == "2026-11-25T00:00:04.000000Z"
    assert len(server.requests) == 1 and "limit=1&" in server.requests[0][0]


def test_what_was_revoked_since_is_gone(serve, tmp_path):
    collection = Collection(map(indicator, range(1, 4)))
    server = serve(collection.answer)
    first = poll(server)
    assert len(values(first["content"], tmp_path)) == 3
    collection.add(indicator(2, revoked=True, modified="2026-02-01T00:00:00.000Z"))
    second = poll(server, "--added", first["added_last"])
    assert not second["is_unchanged"]
    assert values(second["content"], tmp_path) == ["192.0.2.1", "192.0.2.3"]


def test_empty_collection_is_no_error_of_the_server(serve, tmp_path):
    answer = poll(serve(Collection([]).answer))
    assert answer["status"] == "good" and answer["pages"] == 1 and answer["added_last"] == ""
    path = tmp_path / "feed.json"
    path.write_text(answer["content"], encoding="utf-8")
    assert probe("read", "stix", path)["error"] == "the feed is empty"


@pytest.mark.parametrize("body, error", (
    (b"<html>", "the answer is no TAXII envelope: line 1, byte 1: an object was expected"),
    (b"", "the answer is no TAXII envelope: line 1, byte 1: it ends in the middle of a value"),
    (b'{"more":true,"objects":[]}', "the server says that there is more, and not where"),
    (b'{"more":true,"next":"1","objects":[]}', "the server says that there is more, and not where"),
    (b'{"more":true,"next":"' + b"1" * 2000 + b'"}', "the place of the next page is too long"),
))
def test_answer_that_leads_nowhere_is_refused_and_the_state_stays(serve, body, error):
    def answer(request):
        is_question = "limit=1&" in request.path
        reply(request, body=b'{"objects":[{}]}' if is_question else body,
              X_TAXII_Date_Added_Last="2026-12-01T00:00:00Z")

    server = serve(answer)
    result = poll(server, "--added", "2026-11-25T00:00:00Z")
    assert result["error"] == error and result["added_last"] == "2026-11-25T00:00:00Z"
    assert 2 <= len(server.requests) <= 3


def test_limits_hold_for_all_pages_together(serve):
    server = serve(Collection(map(indicator, range(1, 10))).answer)
    answer = poll(server, "--limit", 1000)
    assert answer["status"] == "a stated limit is exceeded"
    assert answer["error"] == "the collection is longer than the limit of 1000 bytes"
    assert poll(server, "--bytes", 100)["error"] == "it is longer than the limit of 100 bytes"


def test_pages_without_end_are_left_in_time(serve):
    def answer(request):
        request.server.outer.is_over.wait(0.2)
        number = len(request.server.outer.requests)
        reply(request, body=json.dumps({"more": True, "next": str(number),
                                        "objects": [indicator(number % 250)]}).encode())

    server = serve(answer)
    answer = poll(server, "--timeout", 1500)
    assert answer["status"] == "input or output failed"
    assert answer["error"].startswith(("not all pages came within 1500 ms", "no whole answer"))
    assert 2 <= len(server.requests) <= 8


def test_refusals_are_told(serve):
    server = serve(lambda request: reply(request, 401, Retry_After="9"))
    answer = poll(server, "--token", "t")
    assert answer["error"] == "the server answered with HTTP status 401"
    assert answer["http_status"] == 401 and answer["retry_after_us"] == 9000000
    assert server.requests[0][1]["Authorization"] == "Bearer t"


def test_collection_of_a_real_server_is_read(serve, tmp_path):
    path = DATA / "feeds/stix/taxii_default_data.json"
    if not path.exists():
        pytest.skip(f"no feeds at {path}")
    roots = json.loads(path.read_text(encoding="utf-8"))
    [things] = [collection["objects"] for collection in roots["trustgroup1"]["collections"]
                if collection["title"] == "High Value Indicator Collection"]
    answer = poll(serve(Collection(things, page_max=1).answer))
    feed = tmp_path / "feed.json"
    feed.write_text(answer["content"], encoding="utf-8")
    newest = {thing["id"] for thing in things if thing["type"] == "indicator"}
    skips = probe("read", "stix", feed)["skips"]
    assert answer["status"] == "good" and answer["pages"] == len(newest)
    # its indicators are a file and a URL
    assert [skip["skip"] for skip in skips] == ["unsupported"] * len(newest)
