# SPDX-License-Identifier: MIT
"""What each door refuses: the device is told, it is counted for that device and becomes the right
finding, and no other device notices. One table of cases for HTTPS, MQTT and a broker."""
import shutil
import socket
import ssl

import pytest

import mqtt_client
from broker_test import Broker
from fleet import wait_until
from identity_test import CBOR, REPORT, Client, Desk, Office

MQTT_PORT = "listening for MQTT on 127.0.0.1 port "
NEWER = REPORT.replace(b"\xa8\x00\x01", b"\xa8\x00\x02", 1)
LARGE = b"\0" * 65537
HUGE = b"\0" * (256 * 1024 + 1)
ALLOWED = 60  # ten minutes' worth of six a minute


class Doors:
    """A service with all its doors, and clients of each."""

    def __init__(self, service, office, broker):
        self.desk = Desk.__new__(Desk)
        self.desk.service, self.desk.shown = service, office.own(
            "service", "-addext", "subjectAltName=IP:127.0.0.1")
        self.desk.context = ssl.create_default_context(cafile=self.desk.shown[0])
        self.broker = broker
        service.start("--identity", "enrolled", "--tls-certificate", self.desk.shown[0],
                      "--tls-key", self.desk.shown[1], "--reports-per-minute", "6",
                      "--mqtt-listen", "127.0.0.1:0", "--broker",
                      f"mqtt://127.0.0.1:{broker.port}")
        said = service.log.read_text(encoding="utf-8")
        self.port = int(said.split(MQTT_PORT)[1].split()[0].rstrip(","))
        assert wait_until(lambda: service.get("/v1/status")["broker"]["is_connected"])

    def enter(self, device, key, certificate=None):
        """(client, code of its CONNACK)."""
        context = ssl.create_default_context(cafile=self.desk.shown[0])
        if certificate is not None:
            context.load_cert_chain(*map(str, certificate))
        client = mqtt_client.Client(self.port, tls=context)
        said = {} if key is None else {"user": device, "password": key}
        answer = client.send(mqtt_client.connect(device, **said)).read()
        return client, answer[1][1]

    def refused(self, device):
        """{cause: (count, reason)} as the service has it."""
        try:
            told = self.desk.service.get(f"/v1/devices/{device}")
        except OSError:
            return {}
        return {row["cause"]: (row["count"], row["reason"]) for row in told["refused"]}


# Each sends as a device and gives what the device is told.

def by_https(doors, device, key, body, kind=CBOR, at=None, certificate=None):
    client = Client(doors.desk.service.url, doors.desk.shown[0], certificate)
    headers = {"Content-Type": kind, **({} if key is None else {"Authorization": f"Bearer {key}"})}
    client.connection.request("POST", f"/v1/devices/{at or device}/reports", body, headers)
    return str(client.connection.getresponse().status)


def hear(client):
    """"sentence", "end", or "nothing" but acknowledgements for a second."""
    client.socket.settimeout(1)
    try:
        while True:
            answer = client.read()
            if answer is None or answer[0] == mqtt_client.PUBLISH:
                return "end" if answer is None else "sentence"
    except TimeoutError:
        return "nothing"


def by_mqtt(doors, device, key, body, topic=None, certificate=None, qos=1):
    client, code = doors.enter(device, key, certificate)
    with client:
        if code != 0:
            return f"connack {code}"
        client.send(mqtt_client.subscribe(f"picket/{device}/refused")).read()
        try:
            client.send(mqtt_client.publish(topic or f"picket/{device}/reports", body, 7, qos))
        except OSError:
            return "end"  # before all of it was sent
        return hear(client)


def by_broker(doors, device, _key, body, topic=None):
    with mqtt_client.Client(doors.broker.port) as client:
        client.enter(f"{device}-client").send(
            mqtt_client.subscribe(f"picket/{device}/refused")).read()
        client.send(mqtt_client.publish(topic or f"picket/{device}/reports", body, 7))
        return hear(client)


REFUSED = "DEV_MESSAGE_REFUSED"
# Door and what is sent through it; what the device is told; what is counted for it, and told of it.
MESSAGES = [
    (by_https, {"body": b"\xff" * 8}, "400", "malformed", REFUSED),
    (by_mqtt, {"body": b"\xff" * 8}, "sentence", "malformed", REFUSED),
    (by_broker, {"body": b"\xff" * 8}, "sentence", "malformed", REFUSED),
    (by_https, {"body": b"hello", "kind": "application/octet-stream"}, "400", "malformed", REFUSED),
    (by_https, {"body": REPORT, "kind": "text/plain"}, "415", "foreign_type", REFUSED),
    (by_mqtt, {"body": b"hello"}, "sentence", "malformed", REFUSED),
    (by_broker, {"body": b"hello"}, "sentence", "malformed", REFUSED),
    (by_https, {"body": LARGE}, "413", "too_large", REFUSED),
    (by_mqtt, {"body": LARGE}, "sentence", "too_large", REFUSED),
    (by_mqtt, {"body": HUGE}, "end", "too_large", REFUSED),
    (by_broker, {"body": HUGE}, "sentence", "too_large", REFUSED),
    (by_https, {"body": NEWER}, "422", "newer", REFUSED),
    (by_mqtt, {"body": NEWER}, "sentence", "newer", REFUSED),
    (by_broker, {"body": NEWER}, "sentence", "newer", REFUSED),
    (by_https, {"body": REPORT, "at": "quiet"}, "403", "foreign_topic", "ID_CERT_MISMATCH"),
    (by_mqtt, {"body": REPORT, "topic": "picket/quiet/reports"}, "end", "foreign_topic",
     "ID_CERT_MISMATCH"),
    (by_mqtt, {"body": REPORT, "topic": "picket/quiet"}, "end", "foreign_topic", REFUSED),
    (by_mqtt, {"body": REPORT, "qos": 2}, "end", "malformed", REFUSED),
]


@pytest.fixture
def doors(service, tmp_path):
    if shutil.which("mosquitto") is None:
        pytest.skip("mosquitto is not installed")
    broker = Broker(tmp_path, ["allow_anonymous true", "max_packet_size 1000000"])
    try:
        yield Doors(service, Office(tmp_path / "office"), broker)
    finally:
        broker.kill()


@pytest.fixture
def quiet(doors):
    """Another device, on two doors all the time: it is taken as before, and nothing told of it."""
    key = doors.desk.make_key("quiet").removeprefix("Bearer ")
    client, code = doors.enter("quiet", key)
    assert code == 0
    yield key
    assert by_https(doors, "quiet", key, REPORT) == "200"
    assert client.send(mqtt_client.publish("picket/quiet/reports", REPORT, 9)).read()[0] \
        == mqtt_client.PUBACK
    assert doors.refused("quiet") == {}
    assert not [alert for alert in doors.desk.alerts() if alert[1] == "quiet"]


def check(doors, device, cause, kind, at_least=1):
    assert wait_until(lambda: doors.refused(device).get(cause, (0, ""))[0] >= at_least, 10), \
        (device, cause, doors.refused(device))
    assert set(doors.refused(device)) == {cause}
    assert doors.refused(device)[cause][1]
    assert wait_until(lambda: (kind, device) in doors.desk.alerts(), 10), (device, kind)
    assert {alert[0] for alert in doors.desk.alerts() if alert[1] == device} == {kind}


def test_message_that_can_t_be_taken_is_told_counted_and_raised(doors, quiet):
    assert NEWER != REPORT and quiet
    for number, (door, sent, told, cause, kind) in enumerate(MESSAGES):
        device = f"d{number}"
        key = doors.desk.make_key(device).removeprefix("Bearer ")
        assert door(doors, device, key, **sent) == told, (door.__name__, sent.keys(), cause)
        check(doors, device, cause, kind)


def test_who_may_not_come_in_is_told_counted_and_raised(doors, quiet):
    office = Office(doors.broker.folder / "more")
    factory, revoked, pinned, stranger = (office.own(name) for name in
                                          ("factory", "revoked", "pinned", "stranger"))
    doors.desk.ask("POST", "/v1/authorities", {"certificate": factory[0].read_text("ascii")})
    for door, told in ((by_https, "401"), (by_mqtt, "connack 5")):
        name = door.__name__.removeprefix("by_")
        expired = office.signed(f"expired-{name}", factory, days=-1)
        for device, certificate in ((f"revoked-{name}", revoked), (f"mismatch-{name}", pinned)):
            doors.desk.ask("POST", f"/v1/devices/{device}/credentials", {"kind": "key"})
            doors.desk.pin(device, office.own(device))
        doors.desk.ask("DELETE", f"/v1/devices/revoked-{name}/credentials")
        rows = [(f"expired-{name}", expired, "ID_CERT_EXPIRED"),
                (f"revoked-{name}", (office.folder / f"revoked-{name}.pem",
                                     office.folder / f"revoked-{name}.key"), "ID_REVOKED_USED"),
                (f"mismatch-{name}", stranger, "ID_CERT_MISMATCH")]
        for device, certificate, kind in rows:
            assert door(doors, device, None, REPORT, certificate=certificate) == told, device
            check(doors, device, "unauthorized", kind)
    doors.desk.ask("POST", "/v1/devices/revoked-broker/credentials", {"kind": "key"})
    doors.desk.ask("DELETE", "/v1/devices/revoked-broker/credentials")
    assert by_broker(doors, "revoked-broker", None, REPORT) == "nothing"
    check(doors, "revoked-broker", "unauthorized", "ID_REVOKED_USED")
    assert quiet


def test_nobody_s_device_is_made_by_what_is_refused(doors, quiet):
    assert by_https(doors, "made-up", "x", b"\xff") == "401"
    assert by_mqtt(doors, "made-up", "x", b"\xff") == "connack 5"
    assert by_broker(doors, "made-up", None, b"\xff") == "nothing"
    assert by_broker(doors, "made-up", None, REPORT) == "nothing"
    doors.desk.wait_for_alert("ID_UNKNOWN", "(service)", "Low")
    assert by_https(doors, "quiet", quiet, REPORT) == "200"
    assert [row["id"] for row in doors.desk.ask("GET", "/v1/devices")["items"]] == ["quiet"]


def strangers(doors):
    """{source: attempts} that are told of."""
    return {alert["key"]: alert["evidence"]["measure"]["observed"]
            for alert in doors.desk.ask("GET", "/v1/alerts?type=ID_UNKNOWN")["items"]}


def test_id_that_no_device_can_have_is_told_of_by_its_source(doors, quiet):
    key = doors.desk.make_key("d1").removeprefix("Bearer ")
    assert by_https(doors, "bad%20id", "x", REPORT) == "400"
    assert wait_until(lambda: strangers(doors) == {"127.0.0.1": 1}, 10), strangers(doors)
    assert by_mqtt(doors, "bad id", "x", REPORT) == "connack 5"
    assert wait_until(lambda: strangers(doors) == {"127.0.0.1": 2}, 10), strangers(doors)
    assert by_broker(doors, "bad id", None, REPORT) == "nothing"
    assert wait_until(lambda: strangers(doors).get("a broker") == 1, 10), strangers(doors)
    context = ssl.create_default_context(cafile=doors.desk.shown[0])
    with mqtt_client.Client(doors.port, tls=context) as client:
        answer = client.send(mqtt_client.connect("d2", user="d1", password=key)).read()
    assert answer == (mqtt_client.CONNACK, b"\0\5")
    check(doors, "d1", "foreign_topic", "ID_CERT_MISMATCH")
    assert quiet


def test_ten_times_the_allowance_is_refused_at_each_door(doors, quiet):
    keys = {name: doors.desk.make_key(name).removeprefix("Bearer ")
            for name in ("loud-https", "loud-mqtt", "loud-broker")}
    client = doors.desk.client()
    statuses = [client.send("loud-https", "Bearer " + keys["loud-https"])[0]
                for _ in range(10 * ALLOWED)]
    assert statuses.count(429) >= 9 * ALLOWED - 2
    check(doors, "loud-https", "over_allowance", "DEV_OVER_ALLOWANCE",
          at_least=statuses.count(429))

    with doors.enter("loud-mqtt", keys["loud-mqtt"])[0] as mqtt:
        mqtt.send(*(mqtt_client.publish("picket/loud-mqtt/reports", REPORT, number)
                    for number in range(1, ALLOWED + 20)))
        check(doors, "loud-mqtt", "over_allowance", "DEV_OVER_ALLOWANCE")

    with mqtt_client.Client(doors.broker.port) as through:
        through.enter("loud").send(*(mqtt_client.publish("picket/loud-broker/reports", REPORT, n)
                                     for n in range(1, 10 * ALLOWED + 1)))
        check(doors, "loud-broker", "over_allowance", "DEV_OVER_ALLOWANCE",
              at_least=9 * ALLOWED - 2)
    assert quiet


def test_counts_are_kept_when_the_service_ends_and_shown_on_the_command_line(doors, monkeypatch):
    key = doors.desk.make_key("d1").removeprefix("Bearer ")
    for _ in range(3):
        assert by_https(doors, "d1", key, b"\xff") == "400"
    check(doors, "d1", "malformed", REFUSED, at_least=3)
    before = doors.refused("d1")
    doors.desk.service.restart()
    assert doors.refused("d1") == before
    monkeypatch.setenv("PICKET_CA", str(doors.desk.shown[0]))
    said = doors.desk.service.run("device", "show", "d1").stdout
    assert "Refused   3 malformed, the last " in said
    assert " from 127.0.0.1: byte 0: " in said


def test_connections_that_say_nothing_keep_no_other_address_out_over_https(doors, quiet):
    port = int(doors.desk.service.url.rsplit(":", 1)[1])
    flood = [socket.create_connection(("127.0.0.1", port), 10, ("127.0.0.9", 0))
             for _ in range(900)]
    try:
        flood[-1].settimeout(10)
        assert flood[-1].recv(1) == b"", "what is too many from one address is ended"
        assert by_https(doors, "quiet", quiet, REPORT) == "200"
    finally:
        for connection in flood:
            connection.close()
