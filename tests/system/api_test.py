# SPDX-License-Identifier: MIT
"""The service's HTTP interface from the outside: reports in, answers out, refusals with a reason."""
import concurrent.futures
import http.client
import json
import re
import socket
import urllib.parse
from pathlib import Path

import cbor2
import pytest

import legacy_agents as agents

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "spec/vectors"
CONSOLE_FILES = [file for file in (ROOT / "console").iterdir()
                 if file.suffix in (".html", ".css", ".js", ".svg")]
REPORT_TYPE = "application/vnd.picket.report+cbor"
TOKEN = "0123456789abcdef"
LISTED_PEER = "198.51.100.7"  # of the vector every-section
SEQUENCE_KEY = 2
CLOCK_KEY = 7


def vector(name):
    text = (VECTORS / f"{name}.hex").read_text(encoding="ascii")
    return bytes.fromhex(re.sub(r"#.*", "", text))


def numbered(sequence, later_ms=0):
    """A good report with a sequence number of choice."""
    report = cbor2.loads(vector("every-section"))
    report[SEQUENCE_KEY] = sequence
    report[CLOCK_KEY] += later_ms
    return cbor2.dumps(report)


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def reason(self):
        assert self.json["error"]["status"] == self.status
        return self.json["error"]["reason"]


def ask(service, method, path, body=None, chunked=False, **headers):
    """One request on a connection of its own; header names are written with _ for -."""
    address = urllib.parse.urlsplit(service.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
    try:
        connection.request(method, path, iter([body]) if chunked else body,
                           {name.replace("_", "-"): text for name, text in headers.items()},
                           encode_chunked=chunked)
        return Reply(connection.getresponse())
    finally:
        connection.close()


def send(service, device, report, **headers):
    return ask(service, "POST", f"/v1/devices/{device}/reports", report,
               **{"Content_Type": REPORT_TYPE, **headers})


def put(service, path, value, **headers):
    return ask(service, "PUT", path, json.dumps(value),
               **{"Content_Type": "application/json", **headers})


def talk(service, request):
    """Sends bytes as they are; everything that comes back."""
    address = urllib.parse.urlsplit(service.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer


@pytest.fixture(name="listed")
def make_list(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text(f"{LISTED_PEER} # command and control\n", encoding="ascii")
    return path


@pytest.fixture(name="running")
def start_service(service, listed):
    return service.start("--intel", listed)


# --- reports ---

def test_report_becomes_device_and_alert_with_evidence(running):
    reply = send(running, "dev-1", numbered(7))
    assert (reply.status, reply.json) == (200, {"sequence": 7})

    device = running.get("/v1/devices/dev-1")
    assert device["system"]["os"] == "ThreadX 6.4.1"
    assert (device["reports"], device["group"]) == (1, "default")

    listing = running.get("/v1/alerts")
    assert listing["total"] == 1
    alert = running.get("/v1/alerts/" + listing["items"][0]["id"])
    assert alert == listing["items"][0]
    assert (alert["type"], alert["device"], alert["key"]) == ("TI_IP_MATCH", "dev-1", LISTED_PEER)
    assert alert["evidence"]["indicator"]["comment"] == "command and control"
    score = alert["evidence"]["score"]
    assert score["points"] == sum(term["points"] for term in score["terms"])
    assert score["terms"][0]["name"] == "confidence"
    assert alert["remediation"]

    status = running.get("/v1/status")
    assert status["indicators"] == 1
    assert status["open_alerts"] == 1
    assert status["pipeline"]["reports"] == 1
    assert status["lists"][0]["accepted"] == 1


def test_alert_is_ended_by_hand_and_what_comes_then_is_another_one(running):
    send(running, "dev-1", numbered(7))
    first = running.get("/v1/alerts")["items"][0]
    path = f"/v1/alerts/{first['id']}/resolve"
    assert ask(running, "POST", "/v1/alerts/none/resolve").status == 404
    assert ask(running, "POST", path).status == 204
    resolved = running.get("/v1/alerts/" + first["id"])
    assert (resolved["state"], running.get("/v1/status")["open_alerts"]) == ("resolved", 0)
    assert resolved["resolved_at"] is not None
    assert ask(running, "POST", path).status == 204
    send(running, "dev-1", numbered(8, later_ms=60000))
    (again,) = running.get("/v1/alerts")["items"]
    assert again["id"] != first["id"] and again["count"] == 1
    assert running.run("alert", "resolve", again["id"]).returncode == 0
    assert running.get("/v1/alerts")["items"] == []
    said = running.run("alert", "resolve", "none")
    assert said.returncode == 1 and "there is no alert 'none'" in said.stderr


def test_repeat_is_acknowledged_and_counted_once(running):
    for _ in range(3):
        assert send(running, "dev-1", numbered(1)).status == 200
    device = running.get("/v1/devices/dev-1")
    assert (device["reports"], device["repeats"]) == (1, 2)
    assert device["counters"]["seen"] == 31


REFUSED_REPORTS = [
    ("foreign type", "d", b"{}", {"Content_Type": "text/plain"}, 415, REPORT_TYPE, "foreign_type"),
    ("no known JSON", "d", b"{}", {"Content_Type": "application/json"}, 400, "neither", "malformed"),
    ("form", "d", b"a=b", {"Content_Type": "application/x-www-form-urlencoded"}, 415, REPORT_TYPE,
     "foreign_type"),
    ("too large", "d", bytes(65537), {}, 413, "65536 bytes", "too_large"),
    ("far too large", "d", bytes(900_000), {}, 413, "65536 bytes", "too_large"),
    ("empty", "d", b"", {}, 400, "byte 0", "malformed"),
    ("text", "d", b"hello", {}, 400, "byte 0", "malformed"),
    ("cut", "d", vector("every-section")[:40], {}, 400, "byte 33", "malformed"),
    ("lies about a count", "d", vector("bad-count-a-lie"), {}, 400, "byte", "malformed"),
    ("future version", "d", vector("bad-version-2"), {}, 422, "update the service", "newer"),
    ("bad device id", "a%20b", vector("minimal"), {}, 400, "no device id", "malformed"),
    ("device id too long", "x" * 129, vector("minimal"), {}, 400, "no device id", "malformed"),
]


@pytest.mark.parametrize("device, body, headers, status, reason, counter",
                         [row[1:] for row in REFUSED_REPORTS], ids=[row[0] for row in REFUSED_REPORTS])
def test_bad_report_is_refused_counted_and_leaves_nothing(running, device, body, headers, status,
                                                          reason, counter):
    reply = send(running, device, body, **headers)
    assert reply.status == status
    assert reason in reply.reason
    state = running.get("/v1/status")
    assert state["reports_refused"].pop(counter) == 1
    assert not any(state["reports_refused"].values())
    assert state["pipeline"]["devices"] == 0
    assert send(running, "d", numbered(1)).status == 200


def test_message_of_another_format_is_taken_and_says_what_it_does_not_know(running):
    message = json.dumps(agents.every_agent_event()).encode()
    for _ in range(2):
        assert send(running, "d", message, Content_Type="application/json").status == 200
    device = running.get("/v1/devices/d")
    assert (device["format"], device["reports"], device["repeats"]) == ("agent", 1, 1)
    assert (device["boot"], device["missing"], device["counters"]) == (None, None, None)
    peers = running.get("/v1/devices/d/peers")["items"]
    assert [(peer["outcome"], peer["connections"], peer["packets_in"], peer["unknown"])
            for peer in peers if peer["direction"] == "outbound"] == [
        ("unknown", 3, None, ["packets", "bytes", "outcome", "times"])]
    alerts = running.get("/v1/alerts")["items"]
    assert sorted((alert["type"], alert["reason"]) for alert in alerts) == [
        ("DEV_CONFIG_ERROR",
         "The agent could not take interval as it was given (Conflict): too short"),
        ("TI_IP_MATCH", "Outbound tcp/443 to 198.51.100.7 was seen, and its outcome not told; "
         "198.51.100.7 is on list \"list.txt\".")]


def test_report_in_chunks_is_taken_up_to_its_limit(running):
    headers = {"Content_Type": REPORT_TYPE}
    path = "/v1/devices/d/reports"
    assert ask(running, "POST", path, numbered(1), chunked=True, **headers).status == 200
    reply = ask(running, "POST", path, bytes(70_000), chunked=True, **headers)
    assert (reply.status, "65536 bytes" in reply.reason) == (413, True)


@pytest.mark.parametrize("more", ["Content-Length: 70000\r\nExpect: 100-continue",  # asks first
                                  "Content-Length: 99999999999"])
def test_body_that_is_announced_too_large_is_refused_before_it_comes(running, more):
    answer = talk(running, ("POST /v1/devices/d/reports HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                            f"Content-Type: {REPORT_TYPE}\r\n{more}\r\n\r\n").encode())
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_client_that_hangs_up_harms_nobody(running):
    body = numbered(1)
    head = (f"POST /v1/devices/d/reports HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Content-Type: {REPORT_TYPE}\r\nContent-Length: {len(body)}\r\n\r\n").encode()
    address = urllib.parse.urlsplit(running.url)
    for sent in (head[:30], head, head + body[:10], head + body):
        with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
            connection.sendall(sent)
    assert send(running, "d", numbered(2)).status == 200


def test_many_devices_at_once_each_get_their_own_acknowledgement(running):
    def post(number):
        return send(running, f"dev-{number % 20}", numbered(number // 20 + 1)).json["sequence"]

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(post, range(200)))
    assert answers == [number // 20 + 1 for number in range(200)]
    assert running.get("/v1/devices?limit=1000")["total"] == 20
    assert running.get("/v1/status")["pipeline"]["reports"] == 200


def test_what_was_acknowledged_survives_stop_and_kill(running):
    for number, end in enumerate((running.stop, running.kill), start=1):
        for sequence in range(number * 10, number * 10 + 5):
            assert send(running, "dev-1", numbered(sequence)).status == 200
        end()
        running.restart()
        assert running.get("/v1/devices/dev-1")["reports"] == 5 * number


# --- who may ask what ---

def test_other_host_names_are_refused(service):
    service.start("--name", "picket.example")
    for host in ("127.0.0.1", "localhost:80", "[::1]:8480", "picket.example"):
        assert ask(service, "GET", "/v1/status", Host=host).status == 200
    for path in ("/", "/v1/status"):
        reply = ask(service, "GET", path, Host="attacker.test")
        assert (reply.status, "attacker.test" in reply.reason) == (403, True)


def test_write_from_a_foreign_page_is_refused(running):
    rules = {"name": "cameras"}
    for origin in ("http://attacker.test", "null"):
        assert put(running, "/v1/groups/cameras", rules, Origin=origin).status == 403
    assert ask(running, "PUT", "/v1/groups/cameras", json.dumps(rules),
               Content_Type="text/plain").status == 415
    assert ask(running, "GET", "/v1/groups/cameras").status == 404
    assert put(running, "/v1/groups/cameras", rules, Origin=running.url).status == 200


def test_token_guards_everything_but_the_console(service):
    service.start("--token", TOKEN)
    right = {"Authorization": f"Bearer {TOKEN}"}
    for headers in ({}, {"Authorization": "Bearer 0123456789abcdeX"}, {"Authorization": TOKEN}):
        reply = ask(service, "GET", "/v1/devices", **headers)
        assert (reply.status, reply.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert send(service, "d", numbered(1), **headers).status == 401
    assert ask(service, "GET", "/v1/devices", **right).status == 200
    assert send(service, "d", numbered(1), **right).status == 200
    for file in CONSOLE_FILES:
        path = "/" if file.name == "index.html" else f"/{file.name}"
        assert ask(service, "GET", path).body == file.read_bytes()
    status = ask(service, "GET", "/v1/status", **right).json
    assert status["reports_refused"]["unauthorized"] == 3


def test_every_answer_tells_browsers_to_be_careful(running):
    for path in ("/", "/v1/status", "/v1/nothing"):
        headers = ask(running, "GET", path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"].startswith("default-src 'self'")
        assert headers["Cache-Control"] == "no-store"


# --- requests that make no sense ---

@pytest.mark.parametrize("path, status, reason", [
    ("/v1/devices?colour=red", 400, "'colour'"),
    ("/v1/status?limit=1", 400, "'limit'"),
    ("/?x", 400, "'x'"),
    ("/v1/devices?limit=0", 400, "limit: allowed is a number from 1 to 1000"),
    ("/v1/devices?limit=1001", 400, "limit"),
    ("/v1/devices?limit=ten", 400, "limit"),
    ("/v1/devices?limit=", 400, "limit"),
    ("/v1/devices?offset=-1", 400, "offset"),
    ("/v1/devices?limit=1&limit=2", 400, "twice"),
    ("/v1/alerts?state=closed", 400, "state: allowed are open and all"),
    ("/v1/alerts?since=yesterday", 400, "since"),
    ("/v1/alerts?type=NO_SUCH", 400, "'NO_SUCH'"),
    ("/v1/devices/%zz", 400, "%"),
    ("/v1/devices/a%00b", 400, "NUL"),
    ("/v1/devices/nobody", 404, "nobody"),
    ("/v1/alerts/none", 404, "none"),
    ("/v1/recommendations/none", 404, "none"),
    ("/v1/groups/none", 404, "none"),
    ("/v1/catalogue/none", 404, "none"),
    ("/v1", 404, "/v1"),
    ("/../etc/passwd", 404, "passwd"),
    ("/v2/status", 404, "/v2/status"),
])
def test_bad_request_gets_one_clear_reason(running, path, status, reason):
    reply = ask(running, "GET", path)
    assert reply.status == status
    assert reason in reply.reason


def test_other_methods_are_told_what_is_allowed(running):
    reply = ask(running, "POST", "/v1/groups/default", b"", Content_Type="application/json")
    assert (reply.status, reply.headers["Allow"]) == (405, "GET, HEAD, PUT, DELETE")
    assert ask(running, "OPTIONS", "/v1/devices").status == 405


def test_too_many_headers_are_refused(running):
    headers = {f"X_{number}": "x" for number in range(80)}
    assert ask(running, "GET", "/v1/status", **headers).status == 431


def test_head_answers_as_get_without_a_body(running):
    got = ask(running, "GET", "/v1/devices")
    head = ask(running, "HEAD", "/v1/devices")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == str(len(got.body))
    assert head.headers["ETag"] == got.headers["ETag"]


# --- listings ---

def test_pages_follow_each_other(running):
    for name in "cab":
        assert send(running, name, numbered(1)).status == 200
    first = running.get("/v1/devices?limit=2")
    assert [device["id"] for device in first["items"]] == ["a", "b"]
    assert (first["total"], first["next"]) == (3, 2)
    last = running.get("/v1/devices?limit=2&offset=2")
    assert [device["id"] for device in last["items"]] == ["c"]
    assert last["next"] is None
    alerts = running.get("/v1/alerts?limit=1&offset=1")
    assert (len(alerts["items"]), alerts["total"], alerts["next"]) == (1, 3, 2)


def test_alerts_are_narrowed_by_what_is_asked(running):
    for name in "ab":
        assert send(running, name, numbered(1)).status == 200
    last_seen = running.get("/v1/alerts")["items"][0]["last_seen"]
    year = int(last_seen[:4])
    for query, total in [("device=a", 1), ("device=nobody", 0), ("type=ti_ip_match", 2),
                         ("type=DEV_SILENT", 0), ("state=all", 2), (f"since={last_seen}", 2),
                         (f"since={year + 1}-01-01T00:00:00Z", 0),
                         ("device=a&type=TI_IP_MATCH&state=open", 1)]:
        assert running.get("/v1/alerts?" + query)["total"] == total, query


def test_unchanged_listing_is_not_sent_again(running):
    assert send(running, "d", numbered(1)).status == 200
    for path in ("/v1/devices", "/v1/alerts", "/v1/recommendations", "/v1/groups", "/v1/catalogue"):
        etag = ask(running, "GET", path).headers["ETag"]
        again = ask(running, "GET", path, If_None_Match=etag)
        assert (again.status, again.body, again.headers["ETag"]) == (304, b"", etag)
    etag = ask(running, "GET", "/v1/devices").headers["ETag"]
    assert send(running, "d", numbered(2)).status == 200
    assert ask(running, "GET", "/v1/devices", If_None_Match=etag).status == 200


# --- groups ---

def test_group_is_made_read_changed_and_deleted(running):
    assert [group["name"] for group in running.get("/v1/groups")["items"]] == ["default"]
    made = put(running, "/v1/groups/cameras", {"name": "cameras", "rules": [
        {"type": "CA_CONN_TO_IP", "enabled": True, "cidr": ["10.0.0.0/8"], "ports": [443]}]})
    assert made.status == 200
    group = running.get("/v1/groups/cameras")
    assert group == made.json
    rules = {rule["type"]: rule for rule in group["rules"]}
    assert rules["CA_CONN_TO_IP"]["cidr"] == ["10.0.0.0/8"]
    assert rules["TI_IP_MATCH"]["enabled"] is True  # what was not named has its defaults
    assert put(running, "/v1/groups/cameras", group).json == group  # what was read can be put back

    assert put(running, "/v1/devices/new/group", {"group": "cameras"}).status == 204
    reply = ask(running, "DELETE", "/v1/groups/cameras")
    assert (reply.status, "1 device" in reply.reason) == (409, True)
    assert put(running, "/v1/devices/new/group", {"group": "default"}).status == 204
    assert ask(running, "DELETE", "/v1/groups/cameras").status == 204
    assert ask(running, "DELETE", "/v1/groups/cameras").status == 404
    assert ask(running, "DELETE", "/v1/groups/default").status == 409


def test_new_rules_act_on_the_next_report(running):
    assert put(running, "/v1/groups/default", {"name": "default", "rules": [
        {"type": "TI_IP_MATCH", "enabled": False}]}).status == 200
    assert send(running, "dev-1", numbered(1)).status == 200
    assert running.get("/v1/alerts")["total"] == 0
    running.restart()
    assert put(running, "/v1/groups/default", {"name": "default"}).status == 200
    assert send(running, "dev-1", numbered(2)).status == 200
    assert running.get("/v1/alerts")["total"] == 1


@pytest.mark.parametrize("body, reason", [
    ("{", "not JSON"),
    ("", "not JSON"),
    ('{"name": "other"}', "'cameras'"),
    ('{"name": "cameras", "name": "cameras"}', "duplicate"),
    ('{"name": "cameras", "rules": [{"type": "NO_SUCH"}]}', "rules[0]"),
    ('{"name": "cameras", "rules": [{"type": "TI_IP_MATCH", "colour": 1}]}', "colour"),
    ('{"name": "cameras", "rules": [{"type": "CA_CONN_TO_IP", "ports": [70000]}]}', "rules[0]"),
    ("[" * 3000, "not JSON"),
])
def test_bad_rules_are_refused_with_their_place(running, body, reason):
    reply = ask(running, "PUT", "/v1/groups/cameras", body, Content_Type="application/json")
    assert reply.status == 400
    assert reason in reply.reason
    assert running.get("/v1/groups")["total"] == 1


@pytest.mark.parametrize("device, body, status", [
    ("d", '{"group": "nowhere"}', 404),
    ("d", '{"group": 1}', 400),
    ("d", '{"group": "default", "more": 1}', 400),
    ("d", '["default"]', 400),
    ("d", "default", 400),
    ("a%2Fb", '{"group": "default"}', 400),
    ("d", '{"group": "' + "x" * 2000 + '"}', 413),
])
def test_bad_assignment_is_refused(running, device, body, status):
    reply = ask(running, "PUT", f"/v1/devices/{device}/group", body, Content_Type="application/json")
    assert reply.status == status
    assert running.get("/v1/devices")["total"] == 0


def test_catalogue_explains_every_type(running):
    listing = running.get("/v1/catalogue")
    assert listing["total"] == len(listing["items"]) > 5
    for kind in listing["items"]:
        assert running.get("/v1/catalogue/" + kind["id"].lower()) == kind
