# SPDX-License-Identifier: MIT
"""Who may speak as which device, over HTTPS and MQTT: what is refused, with a reason, and told of whom."""
import base64
import hashlib
import hmac
import http.client
import json
import re
import ssl
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

import mqtt_client
from conftest import ROOT

REPORT = bytes.fromhex("".join(
    line.split("#")[0] for line in
    (ROOT / "spec/vectors/every-outcome.hex").read_text(encoding="ascii").splitlines()))
CBOR = "application/cbor"
WAIT_S = 10


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=20)


class Office:
    """Makes certificates; each is (path, path of its key)."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()

    def _key(self, name):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                f"/CN={name}", "-keyout", self.folder / f"{name}.key"]

    def own(self, name, *more):
        """Signed by itself."""
        openssl("req", "-x509", *self._key(name), "-days", 2, *more, "-out",
                self.folder / f"{name}.pem")
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"

    def signed(self, name, by, days=2):
        """Signed by an authority; with days below 0 it has expired."""
        request, out = self.folder / f"{name}.csr", self.folder / f"{name}.pem"
        openssl("req", *self._key(name), "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", by[0], "-CAkey", by[1], "-CAcreateserial",
                "-days", days, "-out", out)
        return out, self.folder / f"{name}.key"


class Client:
    """One kept-alive connection."""

    def __init__(self, url, authority, certificate=None, source="127.0.0.1"):
        context = ssl.create_default_context(cafile=authority)
        if certificate is not None:
            context.load_cert_chain(*map(str, certificate))
        port = int(url.rsplit(":", 1)[1])
        self.connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10,
                                                      context=context, source_address=(source, 0))

    def send(self, device, authorization=None, body=REPORT):
        """(status, reason) of a report as a device."""
        headers = {"Content-Type": CBOR}
        if authorization is not None:
            headers["Authorization"] = authorization
        self.connection.request("POST", f"/v1/devices/{device}/reports", body, headers)
        reply = self.connection.getresponse()
        answer = json.loads(reply.read())
        return reply.status, answer.get("error", {}).get("reason", "")

    def socket(self):
        return self.connection.sock


class Desk:
    """A service with TLS and enrolled devices, and what an operator does there."""

    def __init__(self, service, office):
        self.service = service
        self.shown = office.own("service", "-addext", "subjectAltName=IP:127.0.0.1")
        service.start("--identity", "enrolled", "--tls-certificate", self.shown[0], "--tls-key",
                      self.shown[1], "--reports-per-minute", "6")
        self.context = ssl.create_default_context(cafile=self.shown[0])

    def client(self, certificate=None, source="127.0.0.1"):
        return Client(self.service.url, self.shown[0], certificate, source)

    def ask(self, method, path, body=None):
        request = urllib.request.Request(
            self.service.url + path, method=method, headers={"Content-Type": "application/json"},
            data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=10, context=self.context) as reply:
            text = reply.read()
        return json.loads(text) if text else None

    def pin(self, device, certificate):
        self.ask("POST", f"/v1/devices/{device}/credentials",
                 {"kind": "certificate", "certificate": certificate[0].read_text("ascii")})

    def make_key(self, device):
        return "Bearer " + self.ask("POST", f"/v1/devices/{device}/credentials",
                                    {"kind": "key"})["key"]

    def alerts(self):
        """{(type, device): severity} of the open ones."""
        items = self.ask("GET", "/v1/alerts")["items"]
        return {(item["type"], item["device"]): item["severity"] for item in items}

    def wait_for_alert(self, kind, device, severity):
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            if self.alerts().get((kind, device)) == severity:
                return
            time.sleep(0.05)
        raise AssertionError(f"no {severity} {kind} of {device}: {self.alerts()}")


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path / "office")


@pytest.fixture
def desk(service, office):
    return Desk(service, office)


def signature(device, key, expires):
    resource = urllib.parse.quote(f"hub.example/devices/{device}", safe="")
    digest = hmac.new(base64.b64decode(key), f"{resource}\n{expires}".encode(), hashlib.sha256)
    text = urllib.parse.quote(base64.b64encode(digest.digest()), safe="")
    return f"SharedAccessSignature sr={resource}&sig={text}&se={expires}"


def test_device_is_let_in_by_certificate_by_key_and_by_shared_access_signature(desk, office):
    one = office.own("one")
    shared = base64.b64encode(bytes(range(32))).decode()
    desk.pin("d1", one)
    key = desk.make_key("d2")
    desk.ask("POST", "/v1/devices/d3/credentials", {"kind": "shared_key", "key": shared})
    later = int(time.time()) + 3600

    assert desk.client(one).send("d1") == (200, "")
    assert desk.client().send("d2", key) == (200, "")
    assert desk.client().send("d3", signature("d3", shared, later)) == (200, "")
    assert desk.client().send("d3", signature("d3", shared, 1))[0] == 401
    assert desk.client().send("d3", signature("d4", shared, later))[0] == 401
    desk.wait_for_alert("ID_TOKEN_EXPIRED", "d3", "Low")
    desk.wait_for_alert("ID_TOKEN_INVALID", "d3", "Low")
    assert {item["id"] for item in desk.ask("GET", "/v1/devices")["items"]} == {"d1", "d2", "d3"}
    assert [row["last_used"] is None for row in
            desk.ask("GET", "/v1/devices/d1/credentials")["items"]] == [False]


def test_each_bad_identity_is_refused_told_of_and_counted_and_no_other_device_notices(desk, office):
    factory, stranger = office.own("factory"), office.own("stranger")
    good, pinned, foreign = office.own("good"), office.own("pinned"), office.own("foreign")
    expired = office.signed("d4", factory, days=-1)
    unknown = office.signed("d9", stranger)
    desk.pin("quiet", good)
    desk.pin("d1", pinned)
    desk.ask("POST", "/v1/authorities", {"certificate": factory[0].read_text("ascii")})
    key = desk.make_key("d2")
    watch = desk.client(good)
    assert watch.send("quiet")[0] == 200

    assert desk.client().send("d1")[0] == 401
    assert desk.client(foreign).send("d1") == (401, "not authorized as this device")
    assert desk.client(unknown).send("d9") == (401, "not authorized as this device")
    assert desk.client(expired).send("d4") == (401, "not authorized as this device")
    assert desk.client().send("d2", key + "x") == (401, "not authorized as this device")
    assert desk.client().send("d7", key)[0] == 403
    assert desk.client(good).send("d1") == (403, "a device may speak as itself only")
    for number in range(25):
        assert desk.client().send(f"made-up-{number}", "Bearer x")[0] == 401

    desk.wait_for_alert("ID_CERT_MISMATCH", "d1", "Medium")
    desk.wait_for_alert("ID_CERT_EXPIRED", "d4", "Medium")
    desk.wait_for_alert("ID_TOKEN_INVALID", "d2", "Low")
    desk.wait_for_alert("ID_CERT_MISMATCH", "d2", "Medium")
    desk.wait_for_alert("ID_CERT_MISMATCH", "quiet", "Medium")
    desk.wait_for_alert("ID_UNKNOWN", "(service)", "Medium")
    counts = desk.ask("GET", "/v1/status")
    assert counts["identity"]["unknown"] == 26
    assert counts["identity"]["foreign"] == 2
    assert counts["reports_refused"]["unauthorized"] == 30
    assert desk.ask("GET", "/v1/devices/d1/credentials")["refused"] == 1
    devices = {item["id"] for item in desk.ask("GET", "/v1/devices")["items"]}
    assert not [name for name in devices if name.startswith("made-up")]
    assert watch.send("quiet")[0] == 200
    assert desk.ask("GET", "/v1/devices/quiet/credentials")["refused"] == 1


def test_revoked_device_is_refused_with_its_next_message_on_the_same_connection(desk, office):
    one, other = office.own("one"), office.own("other")
    desk.pin("d1", one)
    desk.pin("d2", other)
    first, second = desk.client(one), desk.client(other)
    assert first.send("d1")[0] == 200 and second.send("d2")[0] == 200
    kept = first.socket()

    desk.ask("DELETE", "/v1/devices/d1/credentials")
    assert first.send("d1") == (401, "not authorized as this device")
    assert first.socket() is kept
    assert second.send("d2")[0] == 200
    desk.wait_for_alert("ID_REVOKED_USED", "d1", "Medium")


def test_token_lets_one_device_in_once(desk):
    token = "Bearer " + desk.ask("POST", "/v1/tokens", {"device": "cam-*"})["key"]

    assert desk.client().send("door-1", token)[0] == 401
    assert desk.client().send("cam-1", token)[0] == 200
    assert desk.client().send("cam-1", token)[0] == 200
    assert desk.client().send("cam-2", token)[0] == 403
    assert desk.ask("GET", "/v1/tokens")["items"][0]["used_by"] == "cam-1"


def test_certificate_of_a_trusted_authority_is_pinned_and_a_restart_keeps_the_book(desk, office):
    factory = office.own("factory")
    camera = office.signed("cam-1", factory)
    again = Office(office.folder / "again").signed("cam-1", factory)
    desk.ask("PUT", "/v1/groups/cameras", {"name": "cameras"})
    desk.ask("POST", "/v1/authorities",
             {"certificate": factory[0].read_text("ascii"), "group": "cameras"})
    key = desk.make_key("d2")
    revoked = desk.make_key("d3")
    desk.ask("DELETE", "/v1/devices/d3/credentials")

    assert desk.client(camera).send("cam-1")[0] == 200
    assert desk.ask("GET", "/v1/devices/cam-1")["group"] == "cameras"
    desk.service.restart()
    assert desk.client(camera).send("cam-1")[0] == 200
    assert desk.client(again).send("cam-1")[0] == 401
    assert desk.client().send("d2", key)[0] == 200
    assert desk.client().send("d3", revoked)[0] == 401
    desk.wait_for_alert("ID_CERT_MISMATCH", "cam-1", "Medium")


def test_device_in_two_networks_at_once_raises(desk, office):
    one = office.own("one")
    desk.pin("d1", one)
    for source in ("127.0.0.1", "127.0.1.1", "127.0.1.2"):
        assert desk.client(one, source).send("d1")[0] == 200
    assert ("ID_DUPLICATE_SESSION", "d1") not in desk.alerts()
    assert desk.client(one, "127.0.0.1").send("d1")[0] == 200
    desk.wait_for_alert("ID_DUPLICATE_SESSION", "d1", "High")


def test_device_that_sends_ten_times_its_allowance_is_slowed_and_no_other(desk):
    loud, quiet = desk.make_key("loud"), desk.make_key("quiet")
    client = desk.client()
    statuses = [client.send("loud", loud)[0] for _ in range(600)]

    taken = statuses.count(200)
    assert 60 <= taken <= 62 and statuses.count(429) == 600 - taken
    assert desk.client().send("quiet", quiet)[0] == 200
    desk.wait_for_alert("DEV_OVER_ALLOWANCE", "loud", "Low")
    assert desk.ask("GET", "/v1/status")["reports_refused"]["over_allowance"] == 600 - taken
    assert desk.ask("GET", "/v1/devices/loud/credentials")["refused"] == 600 - taken


def test_malformed_and_large_messages_are_refused_with_a_reason(desk):
    key = desk.make_key("d1")
    client = desk.client()

    status, reason = client.send("d1", key, b"\xff" * 8)
    assert status == 400 and reason.startswith("this is no report: byte 0")
    assert client.send("d1", key, b"\0" * 65537)[0] == 413
    assert client.send("d1", key)[0] == 200


def test_token_of_the_api_speaks_as_no_device(service, office):
    service.start("--identity", "enrolled", "--token", "0123456789abcdef")
    request = urllib.request.Request(
        service.url + "/v1/devices/d1/reports", REPORT, method="POST",
        headers={"Content-Type": CBOR, "Authorization": "Bearer 0123456789abcdef"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    assert refused.value.code == 401


def test_open_service_beyond_loopback_does_not_start(picket, tmp_path):
    ended = subprocess.run(
        [picket, "serve", "--listen", "0.0.0.0:0", "--data", tmp_path, "--token",
         "0123456789abcdef", "--identity", "open"], capture_output=True, text=True, timeout=20,
        check=False)
    assert ended.returncode == 1
    assert "would let anyone on that network speak as any device" in ended.stderr


# --- the same over MQTT ---

def listen_for_mqtt(desk):
    """The port, after a start anew with an MQTT listener."""
    desk.service.stop()
    desk.service.start("--identity", "enrolled", "--mqtt-listen", "127.0.0.1:0",
                       "--tls-certificate", desk.shown[0], "--tls-key", desk.shown[1])
    found = re.search(r"listening for MQTT on 127\.0\.0\.1 port (\d+)",
                      desk.service.log.read_text(encoding="utf-8"))
    return int(found[1])


def come_in(desk, port, certificate=None, **said):
    """(client, code of its CONNACK)."""
    context = ssl.create_default_context(cafile=desk.shown[0])
    if certificate is not None:
        context.load_cert_chain(*map(str, certificate))
    client = mqtt_client.Client(port, tls=context)
    kind, body = client.send(mqtt_client.connect(**said)).read()
    assert kind == mqtt_client.CONNACK
    return client, body[1]


def test_each_bad_identity_is_refused_over_mqtt_as_well(desk, office):
    factory, stranger = office.own("factory"), office.own("stranger")
    pinned, foreign = office.own("pinned"), office.own("foreign")
    expired, unknown = office.signed("d4", factory, days=-1), office.signed("d9", stranger)
    shared = base64.b64encode(bytes(range(32))).decode()
    desk.pin("d1", pinned)
    desk.ask("POST", "/v1/authorities", {"certificate": factory[0].read_text("ascii")})
    desk.ask("POST", "/v1/devices/d3/credentials", {"kind": "shared_key", "key": shared})
    key = desk.make_key("d2").removeprefix("Bearer ")
    token = desk.ask("POST", "/v1/tokens", {"device": "d5"})["key"]
    port = listen_for_mqtt(desk)
    sas = signature("d3", shared, int(time.time()) + 3600)
    hub = "hub.example/d3/?api-version=2021-04-12"
    rows = [
        (0, pinned, {"client": "d1"}),
        (0, None, {"client": "d2", "user": "d2", "password": key}),
        (0, None, {"client": "d3", "user": hub, "password": sas}),
        (0, None, {"client": "d5", "user": "d5", "password": token}),
        (0, None, {"client": "d5", "user": "d5", "password": token}),
        (5, None, {"client": "d1"}),
        (5, foreign, {"client": "d1"}),
        (5, unknown, {"client": "d9"}),
        (5, expired, {"client": "d4"}),
        (5, pinned, {"client": "d2"}),
        (4, None, {"client": "d2", "user": "d2", "password": key + "x"}),
        (4, None, {"client": "d3", "user": hub, "password": signature("d3", shared, 1)}),
    ]
    for code, certificate, said in rows:
        client, answer = come_in(desk, port, certificate, **said)
        client.socket.close()
        assert (answer != 0) == (code != 0), (code, answer, said)
    for kind, device, severity in [
            ("ID_CERT_MISMATCH", "d1", "Medium"), ("ID_UNKNOWN", "(service)", "Low"),
            ("ID_CERT_EXPIRED", "d4", "Medium"), ("ID_TOKEN_INVALID", "d2", "Low"),
            ("ID_TOKEN_EXPIRED", "d3", "Low")]:
        desk.wait_for_alert(kind, device, severity)


def test_revoked_device_and_foreign_topic_end_the_mqtt_session_and_no_other(desk, office):
    one, two, three = office.own("one"), office.own("two"), office.own("three")
    for device, certificate in (("d1", one), ("d2", two), ("d3", three)):
        desk.pin(device, certificate)
    port = listen_for_mqtt(desk)
    clients = {device: come_in(desk, port, certificate, client=device)[0]
               for device, certificate in (("d1", one), ("d2", two), ("d3", three))}

    def publish(device, topic, number):
        clients[device].send(mqtt_client.publish(f"picket/{topic}/reports", REPORT, number))
        return clients[device].read()

    assert publish("d1", "d1", 1)[0] == mqtt_client.PUBACK
    desk.ask("DELETE", "/v1/devices/d1/credentials")
    assert publish("d1", "d1", 2) is None
    assert come_in(desk, port, one, client="d1")[1] == 5
    assert publish("d2", "d3", 1) is None
    assert publish("d3", "d3", 1)[0] == mqtt_client.PUBACK
    desk.wait_for_alert("ID_REVOKED_USED", "d1", "Medium")
    desk.wait_for_alert("ID_CERT_MISMATCH", "d2", "Medium")
