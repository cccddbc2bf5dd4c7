# SPDX-License-Identifier: MIT
"""Feeds from a server of this machine: fetched, refused, gone stale; pushed; allowed."""
import json
import sqlite3
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

WAIT_S = 20
LISTED = "8.8.1.1"


class Feed(BaseHTTPRequestHandler):
    """What the server's `content` is; a tag tells if it changed."""

    def do_GET(self):
        feed = self.server
        feed.asked.append(self.headers)
        tag = f'"{hash(feed.content) & 0xffff:x}"'
        if feed.status == 200 and self.headers.get("If-None-Match") == tag:
            self.send_response(304)
            self.end_headers()
            return
        self.send_response(feed.status)
        self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(feed.content)))
        self.end_headers()
        self.wfile.write(feed.content)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    """A feed server on the loopback."""
    running = ThreadingHTTPServer(("127.0.0.1", 0), Feed)
    running.content = f"{LISTED} # bad\n8.8.2.0/24\n".encode()
    running.status = 200
    running.asked = []
    running.url = f"http://127.0.0.1:{running.server_port}/list.txt"
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


def ask(service, method, path, body=None):
    """Status and answer."""
    request = urllib.request.Request(service.url + path, method=method,
                                     data=None if body is None else json.dumps(body).encode(),
                                     headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            text = reply.read()
            return reply.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)["error"]["reason"]


def wait_until(claim):
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        if claim():
            return True
        time.sleep(0.05)
    return False


def is_listed(service, value):
    return service.get(f"/v1/indicators/{value}")["result"] == "raised"


def state(service, name):
    return service.get(f"/v1/feeds/{name}")["state"]


def add(service, server, name="web", *words):
    added = service.run("ti", "feed", "add", name, "from=url", f"source={server.url}",
                        "confidence=80", "category=c2", *words)
    assert added.returncode == 0, added.stderr


def test_added_feed_is_fetched_and_acts(service, server):
    service.start()
    add(service, server, "web", "licence=CC-BY-4.0")
    assert wait_until(lambda: is_listed(service, LISTED))
    assert wait_until(lambda: state(service, "web")["load"])
    assert state(service, "web")["load"]["accepted"] == 2
    shown = service.run("ti", "feed", "list").stdout
    assert "web" in shown and "good" in shown and "There is no warning list" in shown
    assert ask(service, "PUT", "/v1/feeds/ours", {"from": "push", "role": "warned"})[0] == 200
    assert "no warning list" not in service.run("ti", "feed", "list").stdout
    why = service.run("ti", "why", "8.8.2.9").stdout
    assert "a contact raises an alert" in why and "8.8.2.0/24" in why and "web" in why
    assert "CC-BY-4.0" in why and server.url in why
    assert "feed web: 2 indicators\n" in service.log.read_text(encoding="utf-8")
    why = service.run("ti", "why", LISTED).stdout
    listed = service.get(f"/v1/indicators/{LISTED}")["records"][0]["indicator"]
    assert listed["listed_from"] == listed["listed_until"] is not None
    assert listed["listed_from"][:10] in why and "bad" in why


def test_unchanged_feed_is_asked_for_with_its_tag_also_after_a_restart(service, server):
    service.start()
    add(service, server)
    assert wait_until(lambda: is_listed(service, LISTED))
    service.restart()
    assert is_listed(service, LISTED), "it serves from the index file, before any fetch"
    asked = len(server.asked)
    assert ask(service, "PUT", "/v1/feeds/other", {"from": "push"})[0] == 200
    database = sqlite3.connect(service.data / "picket.db")
    database.execute("UPDATE feed SET state = json_set(state, '$.due', NULL) WHERE name = 'web'")
    database.commit()
    database.close()
    service.restart()
    assert wait_until(lambda: len(server.asked) > asked)
    assert server.asked[-1]["If-None-Match"]
    assert wait_until(lambda: state(service, "web")["due"] is not None)
    assert is_listed(service, LISTED)


@pytest.mark.parametrize("content, status, words", [
    (b"<!DOCTYPE html><html><body>Sorry</body></html>", 200, "web page"),
    (b"", 200, ""),
    (b"\x00\x01\x02\x03" * 100, 200, ""),
    (b"gone", 404, "404"),
])
def test_refused_load_keeps_what_is_there_and_says_why(service, server, content, status, words):
    service.start()
    add(service, server)
    assert wait_until(lambda: is_listed(service, LISTED))
    server.content, server.status = content, status
    assert service.run("ti", "feed", "refresh", "web").returncode == 0
    assert wait_until(lambda: state(service, "web")["refusal"])
    assert words in state(service, "web")["refusal"]
    assert is_listed(service, LISTED)
    assert "refused" in service.run("ti", "feed", "list").stdout
    assert "the load was refused" in service.log.read_text(encoding="utf-8")


def test_feed_that_is_not_renewed_raises_an_alert_about_the_service(service, server):
    service.start()
    add(service, server)
    assert wait_until(lambda: is_listed(service, LISTED))
    service.stop()
    database = sqlite3.connect(service.data / "picket.db")
    database.execute("UPDATE feed SET state = json_set(state, '$.due', NULL, '$.loaded',"
                     " '2020-01-01T00:00:00.000000Z') WHERE name = 'web'")
    database.commit()
    database.close()
    server.status = 500
    service.start()
    assert wait_until(lambda: state(service, "web")["is_stale"])
    assert wait_until(lambda: service.get("/v1/alerts")["total"] == 1)
    alert = service.get("/v1/alerts")["items"][0]
    assert (alert["type"], alert["device"]) == ("SRV_FEED_STALE", "(service)")
    assert "2020-01-01" in alert["reason"] and "500" in alert["reason"]
    assert service.get("/v1/devices")["total"] == 0
    assert is_listed(service, LISTED)

    server.status = 200
    service.run("ti", "feed", "refresh", "web")
    assert wait_until(lambda: service.get("/v1/alerts")["total"] == 0)
    service.restart()
    assert service.get("/v1/alerts?state=all")["items"][0]["state"] == "resolved"


def test_load_of_which_much_is_rejected_raises_an_alert_until_a_good_one_comes(service, server):
    good = server.content
    server.content = good + b"no address\n"
    service.start()
    add(service, server)
    assert wait_until(lambda: service.get("/v1/alerts")["total"] == 1)
    alert = service.get("/v1/alerts")["items"][0]
    assert (alert["type"], alert["device"]) == ("SRV_FEED_STALE", "(service)")
    assert "33.4 % of its 3 items" in alert["reason"] and "1 malformed" in alert["reason"]
    assert is_listed(service, LISTED)
    assert "poor" in service.run("ti", "feed", "list").stdout

    service.restart()
    server.content = good
    service.run("ti", "feed", "refresh", "web")
    assert wait_until(lambda: service.get("/v1/alerts")["total"] == 0)

    server.content = good + b"no address\n"
    service.run("ti", "feed", "refresh", "web")
    assert wait_until(lambda: service.get("/v1/alerts")["total"] == 1)
    assert service.run("ti", "feed", "remove", "web").returncode == 0
    assert service.get("/v1/alerts")["total"] == 0


def test_pushed_indicator_acts_at_once_and_is_taken_back(service):
    service.start()
    assert ask(service, "PUT", "/v1/feeds/mine", {"from": "push", "confidence": 90})[0] == 200
    items = {"items": [{"value": "bad.example.com", "category": "c2"}, {"value": "8.8.3.0/24"}]}
    assert ask(service, "PUT", "/v1/feeds/mine/indicators", items) == (200, {"count": 2})
    assert is_listed(service, "a.bad.example.com") and is_listed(service, "8.8.3.77")
    assert ask(service, "DELETE", "/v1/feeds/mine/indicators",
               {"items": [{"value": "8.8.3.0/24"}]}) == (200, {"count": 1})
    assert not is_listed(service, "8.8.3.77")
    status, reason = ask(service, "PUT", "/v1/feeds/mine/indicators",
                         {"items": [{"value": "8.8.8.8"}, {"value": "no value"}]})
    assert status == 400 and "items[1]" in reason
    assert not is_listed(service, "8.8.8.8"), "all or none"


def test_listing_of_a_feed_that_is_not_there_names_it(service):
    service.start()
    status, reason = ask(service, "GET", "/v1/feeds/nobody/indicators", None)
    assert (status, reason) == (404, "there is no feed 'nobody'")
    assert service.get("/v1/feeds/allowed/indicators")["total"] == 0


def test_allowed_acts_on_what_is_loaded_for_whom_it_is_meant(service, server):
    service.start()
    add(service, server)
    assert wait_until(lambda: is_listed(service, LISTED))
    assert service.run("ti", "allow", "8.8.0.0/16", "--device", "pump-1",
                       "--comment", "our own").returncode == 0
    assert service.get(f"/v1/indicators/{LISTED}?device=pump-1")["result"] == "allowed"
    assert service.get(f"/v1/indicators/{LISTED}?device=pump-2")["result"] == "raised"
    assert "our own" in service.run("ti", "allow", "--list").stdout
    over = service.run("ti", "allow", "8.8.0.0/16", "--until", "2020-01-01T00:00:00Z")
    assert over.returncode == 2 and "a time to come" in over.stderr
    service.run("ti", "feed", "refresh", "web")
    service.restart()
    assert service.get(f"/v1/indicators/{LISTED}?device=pump-1")["result"] == "allowed"
    assert service.run("ti", "allow", "--remove", "8.8.0.0/16", "--device",
                       "pump-1").returncode == 0
    assert service.get(f"/v1/indicators/{LISTED}?device=pump-1")["result"] == "raised"


def test_removed_feed_takes_its_indicators_with_it(service, server):
    service.start()
    add(service, server)
    assert wait_until(lambda: is_listed(service, LISTED))
    assert service.run("ti", "feed", "remove", "web").returncode == 0
    assert wait_until(lambda: not is_listed(service, LISTED))
    assert wait_until(lambda: ask(service, "GET", "/v1/feeds/web")[0] == 404)
    assert service.run("ti", "feed", "remove", "web").returncode == 1


def test_list_of_the_configuration_is_a_feed_that_belongs_to_it(service, tmp_path):
    path = tmp_path / "own.txt"
    path.write_text(f"{LISTED}\n", encoding="ascii")
    service.start("--intel", path)
    assert service.get("/v1/feeds/own.txt")["state"]["indicators"] == 1
    assert ask(service, "PUT", "/v1/feeds/own.txt", {"from": "push"})[0] == 409
    assert ask(service, "DELETE", "/v1/feeds/own.txt")[0] == 409
    service.stop()
    service.options = ["--workers", "1"]
    service.start()
    assert wait_until(lambda: not is_listed(service, LISTED)), "it is no longer configured"


def test_public_feeds_are_known_and_none_is_on(service):
    service.start()
    known = service.run("ti", "feed", "known").stdout
    assert "spamhaus-drop-v4" in known and "https://" in known
    assert [feed["name"] for feed in service.get("/v1/feeds")["items"]] == ["allowed"]
