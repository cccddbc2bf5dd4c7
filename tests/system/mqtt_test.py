# SPDX-License-Identifier: MIT
"""The MQTT door: the standard's requirements by their numbers, clients that nobody here wrote, and
clients that mean no good."""
import contextlib
import re
import socket
import ssl
import struct
import subprocess
import threading
import time

import cbor2
import mqtt_client as mqtt
import paho.mqtt.client as paho
import pytest
from conftest import ROOT
from mqtt_client import Client

LISTENING = re.compile(r"listening for MQTT on \S+ port (\d+)")
TOPIC = "picket/d1/reports"


def report(sequence, boot=7):
    """A report of ours with a number of choice."""
    text = (ROOT / "spec/vectors/minimal.hex").read_text(encoding="ascii")
    content = cbor2.loads(bytes.fromhex(re.sub(r"#.*", "", text)))
    content[1], content[2] = boot, sequence
    return cbor2.dumps(content)


@pytest.fixture(name="port")
def fixture_port(service):
    """Of a service that listens for MQTT on loopback, plain."""
    service.start("--mqtt-listen", "127.0.0.1:0")
    return port_of(service)


def port_of(service):
    return int(LISTENING.search(service.log.read_text(encoding="utf-8"))[1])


def count_of(service, name):
    return service.get("/v1/status")["mqtt"][name]


def wait_for(claim):
    end = time.monotonic() + mqtt.PATIENCE_S
    while not claim():
        assert time.monotonic() < end
        time.sleep(0.02)


def fill(folder):
    """Leaves no room on a disk; the file that takes it."""
    ballast = folder / "ballast"
    with contextlib.suppress(OSError), open(ballast, "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return ballast


def device(service, name="d1"):
    return service.get(f"/v1/devices/{name}")


# --- the standard, requirement by requirement ---

FIRST = [  # what a new connection says first, and what becomes of it: None is a close without a word
    ("MQTT-3.1.0-1 PINGREQ", mqtt.packet(mqtt.PINGREQ), None),
    ("MQTT-3.1.0-1 PUBLISH", mqtt.publish(TOPIC), None),
    ("MQTT-3.1.2-1 name", mqtt.connect("d1", name="MQIsdp"), None),
    ("MQTT-3.1.2-2 level 3", mqtt.connect("d1", level=3), 1),
    ("MQTT-3.1.2-2 level 5", mqtt.connect("d1", level=5), 1),
    ("MQTT-3.1.2-3 reserved", mqtt.connect("d1", flags=3), None),
    ("MQTT-3.1.2-13 will QoS without will", mqtt.connect("d1", flags=0x0a), None),
    ("MQTT-3.1.2-14 will QoS 3", mqtt.packet(
        mqtt.CONNECT, mqtt.field("MQTT") + b"\4\x1e\0\0" + mqtt.field("d1") * 3), None),
    ("MQTT-3.1.2-15 retain without will", mqtt.connect("d1", flags=0x22), None),
    ("MQTT-3.1.2-22 password alone", mqtt.connect("d1", flags=0x42, password=b"p"), None),
    ("MQTT-3.1.3-8 no id, no clean session", mqtt.connect("", flags=0), 2),
    ("MQTT-1.5.3-1 surrogate", mqtt.connect(b"\xed\xa0\x80"), None),
    ("MQTT-1.5.3-2 U+0000", mqtt.connect(b"d\0"), None),
    ("MQTT-2.2.2-1 flags", mqtt.packet(mqtt.CONNECT, flags=1), None),
    ("cut field", mqtt.packet(mqtt.CONNECT, b"\0\4MQ"), None),
    ("remaining length of 5 bytes", b"\x10\x80\x80\x80\x80\1", None),
    ("far too long", b"\x10\xff\xff\xff\x7f", None),
    ("not MQTT at all", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", None),
    ("id that is no device", mqtt.connect("no device"), 5),
    ("will is taken", mqtt.packet(mqtt.CONNECT, mqtt.field("MQTT") + b"\4\x0e\0\0" +
                                  mqtt.field("d1") + mqtt.field("t") + mqtt.field(b"\xff")), 0),
]


@pytest.mark.parametrize("said, code", [row[1:] for row in FIRST], ids=[row[0] for row in FIRST])
def test_connect_is_answered_as_the_standard_says(port, said, code):
    with Client(port) as client:
        answer = client.send(said).read()
        assert answer == (None if code is None else (mqtt.CONNACK, bytes([0, code])))
        if code != 0:
            assert client.read() is None


THEN = [  # what a client says once it is in, and the answers before the connection ends or None
    ("MQTT-3.1.0-2 second CONNECT", [mqtt.connect("d1")], [None]),
    ("MQTT-3.12.4-1 PINGREQ", [mqtt.packet(mqtt.PINGREQ)], [(mqtt.PINGRESP, b"")]),
    ("MQTT-3.14.4 DISCONNECT", [mqtt.packet(mqtt.DISCONNECT)], [None]),
    ("MQTT-3.14.1-1 reserved", [mqtt.packet(mqtt.DISCONNECT, flags=1)], [None]),
    ("MQTT-3.3.1-4 QoS 3", [mqtt.publish(TOPIC, flags=6)], [None]),
    ("MQTT-3.3.1-2 repeat of QoS 0", [mqtt.publish(TOPIC, qos=0, flags=8)], [None]),
    ("QoS 2 is not served", [mqtt.publish(TOPIC, qos=2)], [None]),
    ("MQTT-2.3.1-1 id 0", [mqtt.publish(TOPIC, number=0)], [None]),
    ("MQTT-3.3.2-2 wildcard", [mqtt.publish("picket/+/reports")], [None]),
    ("MQTT-4.7.3-1 empty topic", [mqtt.publish("")], [None]),
    ("MQTT-1.5.3-2 U+0000 in a topic", [mqtt.publish(TOPIC + "\0")], [None]),
    ("MQTT-3.8.1-1 flags of SUBSCRIBE", [mqtt.packet(mqtt.SUBSCRIBE, b"\0\1\0\1t\0")], [None]),
    ("MQTT-3.8.3-3 empty SUBSCRIBE", [mqtt.subscribe()], [None]),
    ("MQTT-3-8.3-4 QoS of SUBSCRIBE", [mqtt.packet(mqtt.SUBSCRIBE, b"\0\1\0\1t\3", 2)], [None]),
    ("MQTT-4.7.1-2 '#' within", [mqtt.subscribe("picket/d1/#/x")], [None]),
    ("MQTT-4.7.1-3 '+' within", [mqtt.subscribe("picket/d1/x+")], [None]),
    ("MQTT-3.10.3-2 empty UNSUBSCRIBE", [mqtt.packet(mqtt.UNSUBSCRIBE, b"\0\1", 2)], [None]),
    ("MQTT-3.8.4-2 SUBACK", [mqtt.subscribe("picket/d1/refused", "picket/d2/refused", number=9)],
     [(mqtt.SUBACK, b"\0\x09\0\x80")]),
    ("MQTT-3.10.4-5 UNSUBACK", [mqtt.packet(mqtt.UNSUBSCRIBE, b"\0\7" + mqtt.field("x"), 2)],
     [(mqtt.UNSUBACK, b"\0\7")]),
    ("PUBACK of nothing", [mqtt.puback(1)], [None]),
    ("packet of a server", [mqtt.packet(mqtt.PINGRESP)], [None]),
    ("MQTT-3.3.5-2 another's topic", [mqtt.publish("picket/d2/reports", report(1))], [None]),
    ("topic of no meaning", [mqtt.publish("x", report(1))], [None]),
    ("MQTT-3.3.4-1 QoS 1", [mqtt.publish(TOPIC, report(1), number=300)],
     [(mqtt.PUBACK, struct.pack(">H", 300))]),
    ("MQTT-3.3.4-1 QoS 0", [mqtt.publish(TOPIC, report(1), qos=0), mqtt.packet(mqtt.PINGREQ)],
     [(mqtt.PINGRESP, b"")]),
    ("larger than any packet", [mqtt.publish(TOPIC, bytes(200_000))], [None]),
]


@pytest.mark.parametrize("said, answers", [row[1:] for row in THEN], ids=[row[0] for row in THEN])
def test_packets_are_answered_as_the_standard_says(port, said, answers):
    with Client(port) as client:
        client.enter("d1").send(*said)
        assert [client.read() for _ in answers] == answers


def test_newer_session_stays(port):
    """[MQTT-3.1.4-2]"""
    with Client(port) as older, Client(port) as newer:
        older.enter("d1")
        newer.enter("d1/module")
        assert older.read() is None
        assert newer.send(mqtt.packet(mqtt.PINGREQ)).read() == (mqtt.PINGRESP, b"")


def test_keep_alive_is_kept(service, port):
    """[MQTT-3.1.2-24]"""
    with Client(port) as client:
        begin = time.monotonic()
        client.enter("d1", keep_alive=1)
        assert client.read() is None
        assert 1.4 < time.monotonic() - begin < 5
    assert count_of(service, "too_slow") == 1


# --- delivery ---

def test_acknowledged_report_is_stored(service, port):
    with Client(port) as client:
        client.enter("d1")
        for sequence in range(1, 101):
            client.send(mqtt.publish(TOPIC, report(sequence), number=sequence))
        answers = {client.read() for _ in range(100)}
    assert answers == {(mqtt.PUBACK, struct.pack(">H", number)) for number in range(1, 101)}
    service.kill()
    service.start()
    assert device(service)["reports"] == 100
    with Client(port_of(service)) as client:
        client.enter("d1").send(mqtt.publish(TOPIC, report(100)))
        assert client.read() == (mqtt.PUBACK, b"\0\1")
    assert device(service)["reports"] == 100
    assert device(service)["repeats"] == 1


REFUSED = [
    ("text", b"hello", "byte 0", "malformed"),
    ("nothing", b"", "byte 0", "malformed"),
    ("cut", report(1)[:-3], "byte", "malformed"),
    ("too large", bytes(65537), "65536 bytes", "too_large"),
    ("newer", b"\xa1\x00\x02", "byte", "newer"),
]


@pytest.mark.parametrize("payload, reason, counter", [row[1:] for row in REFUSED],
                         ids=[row[0] for row in REFUSED])
def test_message_that_is_none_is_acknowledged_refused_and_counted(service, port, payload, reason,
                                                                  counter):
    with Client(port) as client:
        client.enter("d1").send(mqtt.subscribe("picket/d1/refused"))
        assert client.read() == (mqtt.SUBACK, b"\0\1\0")
        client.send(mqtt.publish(TOPIC, payload))
        answers = dict([client.read(), client.read()])
    assert answers[mqtt.PUBACK] == b"\0\1"
    topic, sentence = answers[mqtt.PUBLISH][2:19], answers[mqtt.PUBLISH][19:].decode()
    assert topic == b"picket/d1/refused"
    assert reason in sentence
    refused = service.get("/v1/status")["reports_refused"]
    assert refused.pop(counter) == 1
    assert not any(refused.values())


def test_full_disk_acknowledges_nothing_and_ends_the_session(service, small_disk):
    """[MQTT-4.4.0-1] has a client send again when it comes again."""
    service.start("--mqtt-listen", "127.0.0.1:0")
    with Client(port_of(service)) as client:
        client.enter("d1").send(mqtt.publish(TOPIC, report(1)))
        assert client.read() == (mqtt.PUBACK, b"\0\1")
        ballast = fill(small_disk)
        last, answer = 1, (mqtt.PUBACK, b"")
        while answer is not None and last < 20_000:
            last += 1
            client.send(mqtt.publish(TOPIC, report(last), number=last))
            answer = client.read()
        assert answer is None, "nothing but the end comes"
        assert service.get("/v1/status")["reports_refused"]["busy"] > 0
    ballast.unlink()
    with Client(port_of(service)) as client:
        client.enter("d1").send(mqtt.publish(TOPIC, report(last)))
        assert client.read() == (mqtt.PUBACK, b"\0\1")
    assert device(service)["reports"] == last


def test_service_that_stops_acknowledges_what_it_took(service, port):
    with Client(port) as client:
        client.enter("d1")
        client.send(*[mqtt.publish(TOPIC, report(number), number=number)
                      for number in range(1, 33)], mqtt.packet(mqtt.PINGREQ))
        wait_for(lambda: count_of(service, "published") == 32)
        assert service.stop() == 0
        kinds = []
        while (answer := client.read()) is not None:
            kinds.append(answer[0])
    assert kinds.count(mqtt.PUBACK) == 32


# --- clients that mean no good ---

def test_half_open_connections_end_and_keep_nobody_out(service, port):
    """From one address, more than it may have; another one comes in all the while."""
    flood = []
    for _ in range(300):
        flood.append(socket.create_connection(("127.0.0.1", port), 10, ("127.0.0.9", 0)))
    wait_for(lambda: count_of(service, "turned_away") >= 300 - 256)
    with Client(port, source="127.0.0.2") as client:
        client.enter("d1").send(mqtt.publish(TOPIC, report(1)))
        assert client.read() == (mqtt.PUBACK, b"\0\1")
    for connection in flood:
        connection.close()
    wait_for(lambda: count_of(service, "half_open") == 0)


def test_client_that_sends_byte_by_byte_delays_nobody(port):
    said = mqtt.connect("slow") + mqtt.publish("picket/slow/reports", report(1))
    with Client(port) as slow, Client(port) as other:
        other.enter("d1")
        for number, byte in enumerate(said, 1):
            slow.send(bytes([byte]))
            begin = time.monotonic()
            assert other.send(mqtt.packet(mqtt.PINGREQ)).read() == (mqtt.PINGRESP, b"")
            assert time.monotonic() - begin < 2, number
        assert slow.read() == (mqtt.CONNACK, b"\0\0")
        assert slow.read() == (mqtt.PUBACK, b"\0\1")


def test_client_that_never_reads_is_not_read_from_for_ever(service, port):
    """Its answers fill what the service holds for it; then its own packets stay with it."""
    with Client(port) as client, Client(port) as other:
        client.enter("d1")
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.socket.settimeout(0.5)
        other.enter("d2")
        try:
            while True:
                client.send(mqtt.packet(mqtt.PINGREQ) * 1000)
        except TimeoutError:
            pass
        assert other.send(mqtt.packet(mqtt.PINGREQ)).read() == (mqtt.PINGRESP, b"")
        assert count_of(service, "throttled") > 0


def test_client_at_ten_times_its_rate_delays_no_other(service):
    """Ten packets a second it may; it sends as fast as it can while another's reports are timed."""
    service.start("--mqtt-listen", "127.0.0.1:0")
    port, stopped = port_of(service), threading.Event()

    def flood():
        with Client(port) as client:
            client.enter("hasty")
            client.socket.settimeout(0.2)
            number = 0
            while not stopped.is_set():
                number += 1
                try:
                    client.send(mqtt.publish("picket/hasty/reports", report(number),
                                             number=number % 65535 + 1))
                except TimeoutError:
                    break
            stopped.wait()

    thread = threading.Thread(target=flood)
    thread.start()
    latencies = []
    try:
        with Client(port) as client:
            client.enter("d1")
            for number in range(1, 51):
                begin = time.monotonic()
                client.send(mqtt.publish(TOPIC, report(number), number=number))
                assert client.read() == (mqtt.PUBACK, struct.pack(">H", number))
                latencies.append(time.monotonic() - begin)
                time.sleep(0.02)
    finally:
        stopped.set()
        thread.join()
    assert sorted(latencies)[45] < 1, latencies
    assert count_of(service, "throttled") > 0
    assert device(service, "hasty")["reports"] < 300


# --- TLS ---

def openssl(*arguments, folder):
    subprocess.run(["openssl", *map(str, arguments)], cwd=folder, check=True, capture_output=True,
                   timeout=60)


@pytest.fixture(name="certificates", scope="module")
def fixture_certificates(tmp_path_factory):
    """An authority, the service's certificate, and one of a device."""
    folder = tmp_path_factory.mktemp("certificates")
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test authority", folder=folder)
    for name, subject in (("service", "localhost"), ("d1", "d1")):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={subject}", folder=folder)
        (folder / "extensions").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n",
                                           encoding="ascii")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-days", "2", "-out", f"{name}.pem", "-extfile", "extensions",
                folder=folder)
    return folder


@pytest.fixture(name="secure")
def fixture_secure(service, certificates):
    """Port of a service that listens for MQTT with TLS."""
    service.start("--mqtt-listen", "127.0.0.1:0", "--tls-certificate", certificates / "service.pem",
                  "--tls-key", certificates / "service.key")
    return port_of(service)


def tls_of(certificates, name=None):
    context = ssl.create_default_context(cafile=certificates / "ca.pem")
    if name is not None:
        context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
    return context


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_report_comes_over_tls(service, secure, certificates, version):
    context = tls_of(certificates, "d1")
    context.minimum_version = context.maximum_version = version
    with Client(secure, tls=context) as client:
        client.enter("d1").send(mqtt.publish(TOPIC, report(1)))
        assert client.read() == (mqtt.PUBACK, b"\0\1")
    assert device(service)["reports"] == 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_tls_and_no_tls_are_refused(service, secure, certificates):
    with Client(secure) as client:
        answer = client.send(mqtt.connect("d1")).read()
        assert answer is None or answer[0] != mqtt.CONNACK  # at most a TLS alert
    context = tls_of(certificates)
    context.minimum_version = ssl.TLSVersion.TLSv1_1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        Client(secure, tls=context)
    wait_for(lambda: count_of(service, "handshakes_failed") == 2)


def test_certificate_is_loaded_anew(service, secure, certificates, tmp_path):
    for name in ("service.pem", "service.key"):
        (tmp_path / name).write_bytes((certificates / name).read_bytes())
    service.stop()
    service.start("--mqtt-listen", "127.0.0.1:0", "--tls-certificate", tmp_path / "service.pem",
                  "--tls-key", tmp_path / "service.key")

    def subject():
        with Client(port_of(service), tls=tls_of(certificates)) as client:
            return dict(part[0] for part in client.socket.getpeercert()["subject"])["commonName"]

    assert subject() == "localhost"
    for ending in ("pem", "key"):
        (tmp_path / f"service.{ending}").write_bytes((certificates / f"d1.{ending}").read_bytes())
    service.process.send_signal(1)
    wait_for(lambda: subject() == "d1")
    (tmp_path / "service.pem").write_text("spoilt", encoding="ascii")
    service.process.send_signal(1)
    wait_for(lambda: "the old one stays" in service.log.read_text(encoding="utf-8"))
    assert subject() == "d1"


# --- clients that nobody here wrote ---

@pytest.mark.parametrize("qos", [0, 1])
@pytest.mark.parametrize("is_secure", [False, True])
def test_mosquitto_pub_delivers(service, certificates, tmp_path, qos, is_secure):
    options = ["--tls-certificate", certificates / "service.pem", "--tls-key",
               certificates / "service.key"] if is_secure else []
    service.start("--mqtt-listen", "127.0.0.1:0", *options)
    (tmp_path / "report").write_bytes(report(1))
    tls = ["--cafile", certificates / "ca.pem", "--cert", certificates / "d1.pem", "--key",
           certificates / "d1.key"] if is_secure else []
    subprocess.run(["mosquitto_pub", "-V", "311", "-h", "127.0.0.1", "-p", str(port_of(service)),
                    "-i", "d1", "-t", TOPIC, "-q", str(qos), "-f", tmp_path / "report", *tls],
                   check=True, timeout=60)
    wait_for(lambda: service.get("/v1/status")["pipeline"]["reports"] == 1)
    assert device(service)["reports"] == 1


def test_mosquitto_sub_hears_a_refusal(service, port, tmp_path):
    """The newer session stays, so the one that listens publishes, too."""
    (tmp_path / "report").write_bytes(b"hello")
    heard = subprocess.Popen(
        ["mosquitto_rr", "-V", "311", "-h", "127.0.0.1", "-p", str(port), "-i", "d1", "-t", TOPIC,
         "-e", "picket/d1/refused", "-q", "1", "-f", tmp_path / "report", "-W", "20"],
        stdout=subprocess.PIPE, text=True)
    assert "byte 0" in heard.communicate(timeout=60)[0]
    listening = subprocess.Popen(
        ["mosquitto_sub", "-V", "311", "-h", "127.0.0.1", "-p", str(port), "-i", "d2", "-t",
         "picket/d2/#", "-q", "1", "-k", "5", "-d", "-W", "3"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said = listening.communicate(timeout=60)[0]
    assert "Subscribed" in said or "SUBACK" in said
    assert "All subscription requests were denied" not in said


@pytest.mark.parametrize("is_secure", [False, True])
def test_paho_delivers_and_hears(service, certificates, is_secure):
    options = ["--tls-certificate", certificates / "service.pem", "--tls-key",
               certificates / "service.key"] if is_secure else []
    service.start("--mqtt-listen", "127.0.0.1:0", *options)
    heard, subscribed = [], threading.Event()
    client = paho.Client(client_id="d1", clean_session=True, protocol=paho.MQTTv311)
    client.on_message = lambda _client, _data, message: heard.append(
        (message.topic, message.payload.decode()))
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_connect = lambda *_: client.subscribe("picket/d1/refused", 1)
    client.will_set("picket/d1/gone", b"x", 1)
    if is_secure:
        client.tls_set_context(tls_of(certificates, "d1"))
    client.connect("127.0.0.1", port_of(service), keepalive=10)
    client.loop_start()
    assert subscribed.wait(mqtt.PATIENCE_S)
    for sequence in range(1, 21):
        client.publish(TOPIC, report(sequence), qos=1).wait_for_publish(mqtt.PATIENCE_S)
    client.publish(TOPIC, b"hello", qos=1).wait_for_publish(mqtt.PATIENCE_S)
    wait_for(lambda: heard)
    client.disconnect()
    client.loop_stop()
    assert device(service)["reports"] == 20
    assert heard[0][0] == "picket/d1/refused" and "byte 0" in heard[0][1]


# --- the retired modules ---

@pytest.mark.parametrize("topic", [
    "devices/d1/messages/events/mti=2.3-1-0-0&"
    "%24.ifid=urn%3Aazureiot%3ASecurity%3ASecurityAgent%3A1",
    "devices/d1/modules/security/messages/events/mti=2.3-1-0-0&"
    "%24.ifid=urn%3Aazureiot%3ASecurity%3ASecurityAgent%3A1",
    "devices/d1/messages/events/",
])
def test_messages_of_the_retired_module_are_taken(service, port, data, topic):
    messages = sorted((data.parent / "data/legacy_messages").glob("*.bin"))
    if not messages:
        pytest.skip("no legacy messages")
    with Client(port) as client:
        client.enter("d1")
        for number, message in enumerate(messages, 1):
            client.send(mqtt.publish(topic, message.read_bytes(), number=number))
            assert client.read() == (mqtt.PUBACK, struct.pack(">H", number)), message.name
    assert not any(service.get("/v1/status")["reports_refused"].values())
    assert service.get("/v1/status")["pipeline"]["reports"] == len(messages)
