# SPDX-License-Identifier: MIT
"""Certificates while the service runs: its own is read again, and what authorities have revoked."""
import http.client
import signal
import ssl

import pytest

import mqtt_client
from doors_test import Doors, by_https, by_mqtt
from fleet import wait_until
from identity_test import REPORT, Desk, Office, come_in, listen_for_mqtt, openssl

FAR, PAST = "20990101000000Z", "20200101000000Z"


class Authority:
    """Signs certificates of devices, and lists of those that it has revoked."""

    def __init__(self, office, name):
        self.office, self.name, self.path = office, name, office.folder / f"{name}.d"
        self.pair = office.own(name)
        self.path.mkdir()
        (self.path / "index").write_text("", encoding="ascii")
        (self.path / "crlnumber").write_text("01\n", encoding="ascii")
        (self.path / "ca.conf").write_text(
            "[ca]\ndefault_ca = it\n[it]\ndefault_md = sha256\n"
            f"database = {self.path}/index\ncrlnumber = {self.path}/crlnumber\n", encoding="ascii")

    def sign(self, device):
        return self.office.signed(device, self.pair)

    def _ask(self, *arguments):
        openssl("ca", "-config", self.path / "ca.conf", "-cert", self.pair[0], "-keyfile",
                self.pair[1], *arguments)

    def revoke(self, certificate):
        self._ask("-revoke", certificate[0])

    def list(self, until=FAR):
        """The PEM of a list of what was revoked so far."""
        out = self.path / "list.pem"
        self._ask("-gencrl", "-crl_lastupdate", "20190101000000Z", "-crl_nextupdate", until,
                  "-out", out)
        return out.read_text(encoding="ascii")


def hang_up(service, words):
    """SIGHUP, and what the service says of it."""
    before = service.log.read_text(encoding="utf-8").count(words)
    service.process.send_signal(signal.SIGHUP)
    assert wait_until(
        lambda: service.log.read_text(encoding="utf-8").count(words) > before, 10), words


def shown_at(port):
    return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", port)))


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path / "office")


@pytest.fixture
def desk(service, office):
    return Desk(service, office)


def test_both_doors_show_a_new_certificate_after_sighup_and_keep_their_connections(desk, office):
    key = desk.make_key("d1")
    port = listen_for_mqtt(desk)
    https = int(desk.service.url.rsplit(":", 1)[1])
    client = desk.client()
    assert client.send("d1", key)[0] == 200
    mqtt, code = come_in(desk, port, client="d1", user="d1", password=key.removeprefix("Bearer "))
    assert code == 0
    kept, first = client.socket(), shown_at(https)
    assert shown_at(port) == first

    more = Office(office.folder / "more")
    certificate, its_key = more.own("service", "-addext", "subjectAltName=IP:127.0.0.1")
    desk.shown[0].write_bytes(certificate.read_bytes())
    hang_up(desk.service, "the old one stays")  # the key is another one's
    assert shown_at(https) == shown_at(port) == first
    desk.shown[1].write_bytes(its_key.read_bytes())
    desk.service.process.send_signal(signal.SIGHUP)
    assert wait_until(lambda: shown_at(https) != first and shown_at(port) != first, 10)
    assert shown_at(https) == shown_at(port) == ssl.PEM_cert_to_DER_cert(
        certificate.read_text(encoding="ascii"))

    assert client.send("d1", key)[0] == 200
    assert client.socket() is kept
    assert mqtt.send(mqtt_client.publish("picket/d1/reports", REPORT)).read()[0] \
        == mqtt_client.PUBACK


def test_a_hundred_changes_of_the_certificate_under_load_lose_no_request(desk, office):
    key = desk.make_key("quiet")
    context = ssl._create_unverified_context()
    port = int(desk.service.url.rsplit(":", 1)[1])
    kept = []
    for n in range(100):
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
        connection.request("GET", "/v1/status")
        assert connection.getresponse().read()
        if n % 10 == 0:
            kept.append(connection)
        desk.service.process.send_signal(signal.SIGHUP)
    for connection in kept:
        connection.request("GET", "/v1/status")
        assert connection.getresponse().read()
    assert key


@pytest.fixture
def listed(service, office, tmp_path):
    """Doors with a file of revocation lists, and an authority of devices."""
    factory = Authority(office, "factory")
    lists = tmp_path / "lists.pem"
    lists.write_text(factory.list(), encoding="ascii")
    desk = Desk.__new__(Desk)
    desk.service, desk.shown = service, office.own("service", "-addext",
                                                   "subjectAltName=IP:127.0.0.1")
    desk.context = ssl.create_default_context(cafile=desk.shown[0])
    service.start("--identity", "enrolled", "--tls-certificate", desk.shown[0], "--tls-key",
                  desk.shown[1], "--mqtt-listen", "127.0.0.1:0", "--tls-crl", lists)
    doors = Doors.__new__(Doors)
    doors.desk = desk
    said = service.log.read_text(encoding="utf-8")
    doors.port = int(said.split("listening for MQTT on 127.0.0.1 port ")[1].split()[0].rstrip(","))
    return doors, factory, lists


def trust(doors, authority):
    doors.desk.ask("POST", "/v1/authorities",
                   {"certificate": authority.pair[0].read_text("ascii")})


def test_certificate_that_its_authority_revokes_is_refused_with_its_next_message(listed):
    doors, factory, lists = listed
    service, desk = doors.desk.service, doors.desk
    assert "counts for nothing" in service.log.read_text(encoding="utf-8")
    trust(doors, factory)
    good, bad, late = (factory.sign(name) for name in ("good", "bad", "late"))
    first, over_https = desk.client(good), desk.client(bad)
    assert first.send("good")[0] == 200 and over_https.send("bad")[0] == 200
    over_mqtt, code = doors.enter("bad", None, bad)
    quiet, other = doors.enter("good", None, good)
    assert code == other == 0

    factory.revoke(bad)
    factory.revoke(late)
    lists.write_text(factory.list(), encoding="ascii")
    hang_up(service, "2 certificates are revoked by 1 lists")
    assert over_https.send("bad") == (401, "not authorized as this device")
    assert over_mqtt.send(mqtt_client.publish("picket/bad/reports", REPORT)).read() is None
    assert by_mqtt(doors, "bad", None, REPORT, certificate=bad) == "connack 5"
    assert by_https(doors, "late", None, REPORT, certificate=late) == "401"  # it never was here
    assert first.send("good")[0] == 200
    assert quiet.send(mqtt_client.publish("picket/good/reports", REPORT)).read()[0] \
        == mqtt_client.PUBACK
    desk.wait_for_alert("ID_REVOKED_USED", "bad", "Medium")
    desk.wait_for_alert("ID_REVOKED_USED", "late", "Medium")
    assert wait_until(lambda: doors.refused("bad").get("unauthorized", (0,))[0] == 3, 10)
    row = desk.ask("GET", "/v1/authorities")["items"][0]
    assert row["revoked"] == {"count": 2, "valid_until": "2099-01-01T00:00:00.000000Z"}


def test_expired_list_goes_on_to_count_and_the_service_says_so(listed):
    doors, factory, lists = listed
    trust(doors, factory)
    good, bad = factory.sign("good"), factory.sign("bad")
    factory.revoke(bad)
    lists.write_text(factory.list(until=PAST), encoding="ascii")
    hang_up(doors.desk.service, 'the revocation list of "CN = factory" has expired')
    assert by_https(doors, "bad", None, REPORT, certificate=bad) == "401"
    assert by_https(doors, "good", None, REPORT, certificate=good) == "200"
    assert doors.desk.ask("GET", "/v1/authorities")["items"][0]["revoked"]["valid_until"] \
        == "2020-01-01T00:00:00.000000Z"


def test_list_of_somebody_else_revokes_nothing_and_a_damaged_file_leaves_the_lists(listed, office):
    doors, factory, lists = listed
    trust(doors, factory)
    good, bad = factory.sign("good"), factory.sign("bad")
    forger = Authority(Office(office.folder / "elsewhere"), "factory")  # of the same name
    forger.revoke(good)
    factory.revoke(bad)
    lists.write_text(factory.list() + forger.list(), encoding="ascii")
    hang_up(doors.desk.service, "1 certificates are revoked by 2 lists")
    assert by_https(doors, "good", None, REPORT, certificate=good) == "200"
    for damaged in ("", "hello", factory.list()[:200], factory.list().replace("\nMI", "\nAA", 1)):
        lists.write_text(damaged, encoding="ascii")
        hang_up(doors.desk.service, "the revocation lists were not loaded anew")
        assert by_https(doors, "bad", None, REPORT, certificate=bad) == "401"


def test_service_does_not_start_without_its_revocation_lists(service, tmp_path):
    with pytest.raises(AssertionError, match="lists.pem"):
        service.start("--tls-crl", tmp_path / "lists.pem")
    assert service.process.wait(timeout=10) == 1
