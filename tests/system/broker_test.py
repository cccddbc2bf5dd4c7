# SPDX-License-Identifier: MIT
"""Reports through a broker: nothing that the service acknowledged is lost, although the broker
loses what it acknowledged itself."""
import getpass
import shutil
import signal
import socket
import subprocess
import threading
import time

import cbor2
import pytest

import mqtt_client
from authority import Authority
from fleet import Fleet, check_each, wait_until

DEVICES = 32


class Broker:
    """mosquitto with a configuration of its own, which keeps nothing on disk."""

    def __init__(self, folder, lines):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder = folder
        self.config = folder / "broker.conf"
        self.config.write_text("\n".join([
            f"listener {self.port} 127.0.0.1", "persistence false", "max_queued_messages 100000",
            *lines]) + "\n", encoding="ascii")
        self.process = None
        self.start()

    def start(self):
        with open(self.folder / "broker.log", "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(["mosquitto", "-c", self.config], stdout=log,
                                            stderr=log)
        assert wait_until(self.answers, 10)

    def answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self):
        self.process.kill()
        self.process.wait()

    def restart(self):
        self.kill()
        self.start()


@pytest.fixture
def brokers(tmp_path):
    """Makes brokers, and ends them."""
    if shutil.which("mosquitto") is None:
        pytest.skip("mosquitto is not installed")
    made = []

    def make(*lines):
        made.append(Broker(tmp_path, lines))
        return made[-1]

    yield make
    for broker in made:
        broker.kill()


def stored(service):
    return service.get("/v1/status")["pipeline"]["reports"]


def broker_of(service):
    return service.get("/v1/status")["broker"]


def fleet_through(broker, service, picket, folder, *options, scheme="mqtt"):
    return Fleet(picket, folder, f"{scheme}://127.0.0.1:{broker.port}", "--broker", "--repeat", 1,
                 "--api", service.url, *options, devices=DEVICES)


@pytest.fixture
def through(brokers, service, picket, tmp_path):
    """A broker, a service that listens to it, always on the same port, and a fleet."""
    broker = brokers("allow_anonymous true")
    service.start("--broker", f"mqtt://127.0.0.1:{broker.port}")
    port = service.url.rsplit(":", 1)[1]
    service.options = ["--listen", f"127.0.0.1:{port}", *service.options]
    assert wait_until(lambda: broker_of(service)["is_connected"])
    return broker, service, fleet_through(broker, service, picket, tmp_path).start()


def check_end(service, fleet):
    said = fleet.end()
    assert " 0 lost, 0 twice" in said and ", 0 open" in said, said
    assert check_each(service, fleet) > 0
    return said


def test_reports_through_a_broker_are_acknowledged_by_the_service_and_stored(through):
    _, service, fleet = through
    assert wait_until(lambda: stored(service) > 500)
    check_end(service, fleet)
    told = broker_of(service)
    assert told["messages"] >= 500 and told["connections"] == 1 and told["left_unsaid"] == 0


def test_broker_that_is_killed_loses_nothing_for_good(through):
    broker, service, fleet = through
    for n in range(1, 4):
        count = stored(service)
        assert wait_until(lambda count=count: stored(service) > count + 100), n
        broker.restart()
        assert wait_until(lambda n=n: broker_of(service)["connections"] == n + 1)
        assert broker_of(service)["error"]
    count = stored(service)
    assert wait_until(lambda: stored(service) > count + 100)
    said = check_end(service, fleet)
    assert " 0 sent again" not in said


def test_service_that_is_killed_between_the_broker_s_word_and_its_own_loses_nothing(through):
    _, service, fleet = through
    for n in range(3):
        assert wait_until(lambda: stored(service) > 100), n
        service.kill()
        time.sleep(0.2)
        service.restart()
    assert wait_until(lambda: stored(service) > 100)
    check_end(service, fleet)


def test_what_a_broker_acknowledges_is_worth_nothing_and_the_check_finds_out(
        brokers, service, picket, tmp_path):
    broker = brokers("allow_anonymous true")
    service.start("--broker", f"mqtt://127.0.0.1:{broker.port}")
    service.options = ["--listen", service.url.removeprefix("http://"), *service.options]
    assert wait_until(lambda: broker_of(service)["is_connected"])
    service.kill()
    fleet = Fleet(picket, tmp_path, f"mqtt://127.0.0.1:{broker.port}", "--api", service.url,
                  devices=DEVICES).start()
    time.sleep(1)
    broker.restart()
    service.restart()
    assert wait_until(lambda: stored(service) > 0)
    fleet.process.send_signal(signal.SIGTERM)
    assert fleet.process.wait(timeout=60) == 1
    assert "the service has not what it acknowledged" in fleet.log.read_text(encoding="utf-8")


def test_revoked_device_is_not_heard_through_a_broker(brokers, service):
    broker = brokers("allow_anonymous true")
    service.start("--broker", f"mqtt://127.0.0.1:{broker.port}")
    assert wait_until(lambda: broker_of(service)["is_connected"])

    def publish(device, sequence):
        report = cbor2.dumps({0: 1, 1: 7, 2: sequence, 3: [0, 60000, 1], 4: 60000, 5: 0, 6: False,
                              12: [10]}, canonical=True)
        subprocess.run(["mosquitto_pub", "-p", str(broker.port), "-q", "1", "-s", "-t",
                        f"picket/{device}/reports"], input=report, check=True, timeout=10)

    for device in ("d1", "d2"):
        assert service.run("device", "enrol", device).returncode == 0
        publish(device, 1)
    assert wait_until(lambda: stored(service) == 2)
    assert service.run("device", "revoke", "d1", "all").returncode == 0
    publish("d1", 2)
    publish("d2", 2)
    assert wait_until(lambda: stored(service) == 3)
    assert service.get("/v1/devices/d1")["reports"] == 1
    assert wait_until(lambda: [(alert["device"], alert["type"]) for alert in
                               service.get("/v1/alerts")["items"]] == [("d1", "ID_REVOKED_USED")])


def test_broker_that_is_not_there_yet_is_waited_for(brokers, service, tmp_path, picket):
    broker = brokers("allow_anonymous true")
    broker.kill()
    service.start("--broker", f"mqtt://127.0.0.1:{broker.port}")
    assert wait_until(lambda: broker_of(service)["since"] is not None, 10)
    assert not broker_of(service)["is_connected"] and broker_of(service)["error"]
    broker.start()
    assert wait_until(lambda: broker_of(service)["is_connected"], 60)
    fleet = fleet_through(broker, service, picket, tmp_path).start()
    assert wait_until(lambda: stored(service) > 100)
    check_end(service, fleet)


class Refuser(threading.Thread):
    """A broker that lets a client in, and grants one filter of what it asks for."""

    def __init__(self, granted):
        super().__init__(daemon=True)
        self.granted = granted.encode()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        connection = self.listener.accept()[0]
        with connection, connection.makefile("rb") as said:
            while head := said.read(2):  # no packet of the service is longer than 127 bytes here
                body = said.read(head[1])
                if head[0] >> 4 == mqtt_client.CONNECT:
                    connection.sendall(mqtt_client.packet(mqtt_client.CONNACK, b"\0\0"))
                elif head[0] >> 4 == mqtt_client.SUBSCRIBE:
                    answer = b"\1" if self.granted in body else b"\x80"
                    connection.sendall(mqtt_client.packet(mqtt_client.SUBACK, body[:2] + answer))


def test_what_a_broker_does_not_let_the_service_hear_is_told(service):
    broker = Refuser("picket/+/reports")
    service.start("--broker", f"mqtt://127.0.0.1:{broker.port}")
    assert wait_until(lambda: broker_of(service)["error"] and broker_of(service)["is_connected"])
    assert wait_until(lambda: broker_of(service)["error"]
                      == "the broker does not let the service hear "
                         "$aws/things/+/defender/metrics/cbor")


def test_tls_with_a_client_s_certificate_and_a_password(brokers, service, tmp_path, picket):
    authority = Authority(tmp_path / "authority")
    certificate, key = authority.certificate("broker")
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "picket", "secret word"], check=True,
                   capture_output=True)
    broker = brokers(f"cafile {authority.path}", f"certfile {certificate}", f"keyfile {key}",
                     "require_certificate true", f"password_file {passwords}",
                     "allow_anonymous true", f"user {getpass.getuser()}")
    (tmp_path / "password").write_text("secret word\n", encoding="ascii")
    certificate, key = authority.certificate("service")
    service.start("--broker", f"mqtts://127.0.0.1:{broker.port}", "--broker-ca",
                  str(authority.path), "--broker-certificate", str(certificate), "--broker-key",
                  str(key), "--broker-user", "picket", "--broker-password-file",
                  str(tmp_path / "password"))
    assert wait_until(lambda: broker_of(service)["is_connected"], 20), broker_of(service)
    for n in range(1, DEVICES + 1):
        authority.certificate(f"sim-{n}")
    fleet = fleet_through(broker, service, picket, tmp_path, "--ca", authority.path,
                          "--certificates", authority.folder, scheme="mqtts").start()
    assert wait_until(lambda: stored(service) > 100)
    check_end(service, fleet)


def test_password_file_that_is_not_there_is_told_at_the_start(service):
    with pytest.raises(AssertionError) as refused:
        service.start("--broker", "mqtt://localhost:1", "--broker-user", "me",
                      "--broker-password-file", "/nowhere")
    assert "/nowhere, the password for the broker, can't be read" in str(refused.value)


@pytest.mark.parametrize("url", ["http://localhost:1883", "mqtt://", "mqtt://localhost:0",
                                 "mqtt://localhost:70000", "localhost"])
def test_what_is_no_broker_s_address_is_told(service, url):
    with pytest.raises(AssertionError) as refused:
        service.start("--broker", url)
    assert "is no address of a broker" in str(refused.value)
