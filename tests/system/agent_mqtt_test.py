# SPDX-License-Identifier: MIT
"""`picket agent` by MQTT, to the service and through a broker: nothing is lost and nothing is there
twice, whoever is killed in between, and settings come the same way."""
import getpass
import json
import shutil
import subprocess
import time

import pytest

from authority import Authority
from conftest import Service
from namespaces import end, network, start_agent, wait_until
from signing import make_keys, sign

CONFIGURATION = {"kind": "configuration", "revision": 7, "audience": "cameras",
                 "interval_ms": 2000}
PEER = "198.51.100.7"
HTTP, MQTT, BROKER = 8480, 8883, 1883


class Place:
    """A service in the device's namespace, with TLS on both doors, and an agent that knows both."""

    def __init__(self, network, picket, folder, start_agent):
        self.network, self.folder, self.start_agent = network, folder, start_agent
        self.authority = Authority(folder / "authority")
        self.service = Service(picket, folder, network.on(network.device))
        self.spool = folder / "spool" / "device-d1"
        certificate, key = self.authority.certificate("service")
        self.options = ["--listen", f"127.0.0.1:{HTTP}", "--tls-certificate", certificate,
                        "--tls-key", key, "--mqtt-listen", f"127.0.0.1:{MQTT}"]

    def start(self, *options):
        self.service.start(*self.options, *options)

    def ask(self, *arguments):
        ran = self.service.run(*arguments, "--json")
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    def agent(self, to, *arguments, **more):
        return self.start_agent("--interface", "eth0", "--device-id", "d1", "--ca",
                                self.authority.path, "--spool", self.spool.parent, *arguments,
                                to=to, **more)

    def waiting(self):
        return list(self.spool.glob("report-*"))

    def stored(self):
        try:
            return self.ask("device", "show", "d1")["reports"]
        except AssertionError:
            return 0

    def check(self, packets):
        """Each report once, none is missing, and so each packet."""
        told = self.ask("device", "show", "d1")
        assert told["reports"] == sum(boot["highest"] for boot in told["boots"])
        assert [boot["missing"] for boot in told["boots"]] == [0] * len(told["boots"])
        flows = self.ask("flows", "--device", "d1")["items"]
        assert sum(item["flow"]["packets_out"] for item in flows
                   if item["flow"]["peer"] == PEER) == packets
        return told


@pytest.fixture
def place(network, picket, tmp_path, start_agent, monkeypatch):
    made = Place(network, picket, tmp_path, start_agent)
    monkeypatch.setenv("PICKET_CA", str(made.authority.path))
    yield made
    process = made.service.process
    if process is not None and process.poll() is None:
        assert made.service.stop() == 0
    assert "Sanitizer" not in made.service.log.read_text(encoding="utf-8")


@pytest.fixture
def broker(network, tmp_path):
    """mosquitto in the same namespace, which keeps nothing on disk; a function that restarts it."""
    if shutil.which("mosquitto") is None:
        pytest.skip("mosquitto is not installed")
    config = tmp_path / "broker.conf"
    config.write_text(f"listener {BROKER} 127.0.0.1\npersistence false\nallow_anonymous true\n"
                      f"user {getpass.getuser()}\n", encoding="ascii")
    running = []

    def restart():
        if running:
            running[-1].kill()
            running[-1].wait()
        with open(tmp_path / "broker.log", "a", encoding="utf-8") as log:
            running.append(subprocess.Popen(network.on(network.device, "mosquitto", "-c", config),
                                            stdout=log, stderr=log))

    restart()
    yield restart
    running[-1].kill()
    running[-1].wait()


def test_reports_go_by_mqtt_with_a_client_certificate_and_outlive_kills_of_both_ends(place):
    certificate, key = place.authority.certificate("d1")
    place.start("--identity", "enrolled")
    place.ask("authority", "add", place.authority.path)
    arguments = ["--cert", certificate, "--key", key]
    agent = place.agent(f"mqtts://127.0.0.1:{MQTT}", *arguments)
    for n in range(3):
        place.network.ping(PEER)
        wait_until(lambda n=n: place.stored() >= 2 * (n + 1))
        place.service.kill()
        place.network.ping(PEER)
        wait_until(lambda: len(place.waiting()) >= 2)
        if n == 1:
            time.sleep(1.2)  # so that the window with the pings is on disk
            agent.kill()
            agent.wait(timeout=10)
            agent = place.agent(f"mqtts://127.0.0.1:{MQTT}", *arguments)
        place.service.start()
        wait_until(lambda: len(place.waiting()) == 0)
    status, said = end(agent)
    assert status == 0 and "reports go through again" in said, said
    wait_until(lambda: len(place.waiting()) == 0)
    assert len(place.check(packets=18)["boots"]) == 2


def test_through_a_broker_reports_are_kept_until_the_service_s_own_word(place, broker):
    place.start("--broker", f"mqtt://127.0.0.1:{BROKER}")
    agent = place.agent(f"mqtt://127.0.0.1:{BROKER}", "--broker")
    for _ in range(2):
        place.network.ping(PEER)
        count = place.stored()
        wait_until(lambda count=count: place.stored() > count + 1)
        place.service.kill()
        place.network.ping(PEER)
        wait_until(lambda: len(place.waiting()) >= 1)
        broker()
        place.service.start()
        wait_until(lambda: len(place.waiting()) == 0)
    status, said = end(agent)
    assert status == 0, said
    place.check(packets=12)


def test_settings_come_by_mqtt_and_a_wrong_key_is_told(place, picket, tmp_path):
    keys = make_keys(tmp_path)
    place.start("--identity", "enrolled")
    made = place.ask("device", "enrol", "d1")
    signed = sign(picket, CONFIGURATION, keys / "ed25519.pem", tmp_path / "configuration.cose")
    assert place.service.run("group", "tell", "default", signed).returncode == 0
    agent = place.agent(f"mqtts://127.0.0.1:{MQTT}", "--token", made["key"], "--settings-key",
                        keys / "ed25519.pub.pem", "--audience", "cameras")
    assert agent.stdout.readline() == "Settings of the service were accepted.\n"
    wait_until(lambda: place.ask("device", "settings", "d1")["items"][0]["confirmed"] == 7)
    assert end(agent) == (0, "")

    agent = place.agent(f"mqtts://127.0.0.1:{MQTT}", "--token", "wrong")
    assert "device d1 may not come in: CONNACK 4" in agent.stdout.readline()
    assert end(agent)[0] == 0
    assert place.ask("device", "show", "d1")["refused"][0]["cause"] == "unauthorized"


@pytest.mark.parametrize("arguments, words", [
    (["--to", "http://127.0.0.1:1", "--broker"], "--broker goes with --to mqtt://"),
    (["--to", "mqtts://127.0.0.1:1", "--cert", "/etc/passwd"], "go together"),
    (["--to", "mqtts://"], "no place to send to")])
def test_what_can_t_be_is_told_before_anything_starts(picket, arguments, words):
    ran = subprocess.run([picket, "agent", "--interface", "lo", "--device-id", "d1", *arguments],
                         capture_output=True, text=True, timeout=20, check=False)
    assert ran.returncode != 0
    assert words in ran.stderr
