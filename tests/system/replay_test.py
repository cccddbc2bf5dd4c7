# SPDX-License-Identifier: MIT
"""`picket replay` from the outside: what it reads, says, refuses and sends."""
import json
import struct
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from replaying import needs_picket, replay

pytestmark = needs_picket

DEVICE = "192.168.1.10"
OTHER = "192.168.1.11"
PEER = "198.51.100.7"
START_S = 1_600_000_000


def ip_bytes(text):
    return bytes(int(part) for part in text.split("."))


def udp_frame(source, destination, ports=(40000, 5000), length=20):
    udp = struct.pack(">HHHH", *ports, 8 + length, 0) + bytes(length)
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0)
    ip += ip_bytes(source) + ip_bytes(destination)
    return bytes.fromhex("0200000000020200000000010800") + ip + udp


def write_pcap(path, frames, link_type=1):
    """Frames as pairs of seconds from START_S and bytes."""
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link_type)
    records = [
        struct.pack("<IIII", START_S + int(at), int(at % 1 * 1_000_000), len(f), len(f)) + f
        for at, f in frames
    ]
    path.write_bytes(head + b"".join(records))
    return path


def exchange(source=DEVICE, peer=PEER, at=0.0, count=3):
    """A request and an answer each second."""
    frames = []
    for i in range(count):
        frames.append((at + i, udp_frame(source, peer)))
        frames.append((at + i + 0.5, udp_frame(peer, source, (5000, 40000))))
    return frames


@pytest.fixture(name="capture")
def make_capture(tmp_path):
    return write_pcap(tmp_path / "one.pcap", exchange())


@pytest.fixture(name="bad_list")
def make_bad_list(tmp_path):
    path = tmp_path / "bad.txt"
    path.write_text(f"{PEER} # known\nnonsense\n", encoding="ascii")
    return path


def document(*arguments):
    ran = replay("--json", *arguments)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_a_listed_peer_is_an_alert_in_words_with_evidence_and_remedy(capture, bad_list):
    ran = replay("--intel", bad_list, capture)
    assert ran.returncode == 0
    words = ran.stdout.decode()
    for part in ("TI_IP_MATCH", PEER, DEVICE, "line 2", "the sum of", "+80", "What to do",
                 "6 frames", "1 indicator"):
        assert part in words


def test_no_alert_says_what_was_inspected_and_against_what(capture):
    words = replay(capture).stdout.decode()
    assert "No alert" in words
    assert "1 flow in" in words
    assert "0 indicators" in words


def test_private_hosts_are_the_devices_and_a_broadcast_is_nobodys(tmp_path):
    frames = exchange() + [(5, udp_frame(OTHER, "255.255.255.255"))]
    devices = document(write_pcap(tmp_path / "two.pcap", frames))["devices"]
    counts = {d["id"]: (d["packets_out"], d["packets_in"]) for d in devices}
    assert counts == {DEVICE: (3, 3), OTHER: (1, 0)}


def test_without_a_private_host_the_busiest_source_is_the_device(tmp_path):
    frames = exchange("203.0.113.5", PEER) + [(9, udp_frame("203.0.113.5", PEER))]
    devices = document(write_pcap(tmp_path / "public.pcap", frames))["devices"]
    assert [device["id"] for device in devices] == ["203.0.113.5"]


def test_both_ends_of_a_local_exchange_see_it(tmp_path):
    devices = document(write_pcap(tmp_path / "local.pcap", exchange(DEVICE, OTHER)))["devices"]
    assert {d["id"]: d["bytes_out"] for d in devices} == {DEVICE: 144, OTHER: 144}


def test_a_device_that_is_named_is_the_only_one(tmp_path):
    capture = write_pcap(tmp_path / "local.pcap", exchange(DEVICE, OTHER))
    devices = document("--device", OTHER, capture)["devices"]
    assert [device["id"] for device in devices] == [OTHER]


def test_more_hosts_than_can_be_devices_are_said_to_be_left_out(tmp_path):
    frames = [(i, udp_frame(f"10.0.{i // 200}.{i % 200 + 1}", PEER)) for i in range(70)]
    found = document(write_pcap(tmp_path / "many.pcap", frames))
    assert len(found["devices"]) == 64
    assert found["devices_left_out"] == 6


def test_a_device_reports_at_each_interval_also_when_it_is_quiet(tmp_path):
    frames = exchange(count=1) + exchange(at=600, count=1)
    capture = write_pcap(tmp_path / "quiet.pcap", frames)
    assert document(capture)["devices"][0]["reports"] == 11
    assert document("--interval", 300, capture)["devices"][0]["reports"] == 3


def test_captures_are_merged_by_time(tmp_path):
    frames = exchange(count=4)
    whole = write_pcap(tmp_path / "whole.pcap", frames)
    odd = write_pcap(tmp_path / "odd.pcap", frames[1::2])
    even = write_pcap(tmp_path / "even.pcap", frames[::2])
    assert document(odd, even)["devices"] == document(whole)["devices"]


def test_years_without_a_packet_are_passed_quickly_and_raise_nothing(tmp_path):
    frames = exchange(count=1) + exchange(at=20 * 365 * 86400, count=1)
    found = document(write_pcap(tmp_path / "years.pcap", frames))
    assert found["devices"][0]["packets_out"] == 2
    assert found["alerts"] == []


def test_damage_is_told_and_what_came_before_it_is_used(tmp_path):
    whole = write_pcap(tmp_path / "whole.pcap", exchange())
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(whole.read_bytes()[:-10])
    found = document(cut, whole)
    assert found["captures"][0]["damaged"] == 1
    assert found["captures"][0]["datagrams"] == 5
    assert "truncated" in found["captures"][0]["damage"]
    assert found["captures"][1]["datagrams"] == 6
    assert b"damaged" in replay(cut).stdout


def test_a_link_type_that_is_not_decoded_is_counted(tmp_path):
    found = document(write_pcap(tmp_path / "user.pcap", exchange(), link_type=147))
    assert found["captures"][0]["unknown_link"] == 6
    assert found["devices"] == []


@pytest.mark.parametrize("content, words", [
    (None, "can't be opened"), (b"", "is empty"), (b"plain text, no capture", "is no capture")])
def test_what_is_no_capture_is_refused_by_name(tmp_path, content, words):
    path = tmp_path / "strange.pcap"
    if content is not None:
        path.write_bytes(content)
    ran = replay(path)
    assert ran.returncode == 1
    assert str(path) in ran.stderr.decode() and words in ran.stderr.decode()
    assert ran.stdout == b""


def test_a_list_that_can_not_be_read_is_refused_by_name(capture, tmp_path):
    ran = replay("--intel", tmp_path / "absent.txt", capture)
    assert ran.returncode == 1
    assert b"absent.txt" in ran.stderr


@pytest.mark.parametrize("arguments", [
    [], ["--nonsense", "x.pcap"], ["--device", "not-an-ip", "x.pcap"],
    ["--interval", "0", "x.pcap"], ["--flows", "1x", "x.pcap"], ["--now", "x.pcap"],
    ["--to", "http://127.0.0.1:1", "--intel", "l", "x.pcap"],
    ["--exact-flows", "o.tsv", "--json", "x.pcap"]])
def test_a_command_line_that_makes_no_sense_is_told_so(arguments):
    ran = replay(*arguments)
    assert ran.returncode == 2
    assert b"replay --help" in ran.stderr


def test_group_rules_judge_the_devices(capture, tmp_path):
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps({"name": "sensors", "rules": [
        {"type": "CA_CONN_TO_IP", "enabled": True, "cidr": ["10.0.0.0/8"]}]}), encoding="ascii")
    alerts = document("--group-rules", rules, capture)["alerts"]
    assert [alert["type"] for alert in alerts] == ["CA_CONN_TO_IP"]

    rules.write_text('{"name": "sensors", "rules": [{"type": "NO_SUCH"}]}', encoding="ascii")
    ran = replay("--group-rules", rules, capture)
    assert ran.returncode == 1
    assert b"rules.json" in ran.stderr and b"NO_SUCH" in ran.stderr


def test_hostile_names_do_not_reach_the_terminal(tmp_path):
    capture = write_pcap(tmp_path / "x\x1b[2Jy.pcap", exchange())
    assert b"\x1b" not in replay(capture).stdout
    assert b"\x1b" not in replay(tmp_path / "z\x1b[2J.pcap").stderr


def test_exact_flows_are_one_row_for_both_directions(capture, tmp_path):
    table = tmp_path / "flows.tsv"
    assert replay("--exact-flows", table, capture).returncode == 0
    head, row = [line.split("\t") for line in table.read_text().splitlines()]
    flow = dict(zip(head, row))
    assert (flow["a_addr"], flow["a_port"], flow["pkts_ab"]) == (DEVICE, "40000", "3")
    assert flow["first"] == f"{START_S}.000000" and flow["last"] == f"{START_S + 2}.500000"


def test_an_exact_table_that_can_not_be_written_is_a_failure(capture, tmp_path):
    ran = replay("--exact-flows", tmp_path / "absent" / "flows.tsv", capture)
    assert ran.returncode == 1
    assert b"flows.tsv" in ran.stderr


class Door:
    """Stands for a service: answers with the statuses it is given, then with 200."""

    def __init__(self, statuses=()):
        self.statuses = list(statuses)
        self.posts = []
        door = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):  # pylint: disable=invalid-name
                body = self.rfile.read(int(self.headers["Content-Length"]))
                door.posts.append((self.path, self.headers.get("Authorization"), body))
                status = door.statuses.pop(0) if door.statuses else 200
                answer = json.dumps({"error": {"status": status, "reason": "so it is"}}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                if status == 503:
                    self.send_header("Retry-After", "1")
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):  # pylint: disable=arguments-differ
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def test_reports_are_sent_as_a_device_with_its_token(capture):
    with Door() as door:
        ran = replay("--to", door.url, "--device-id", "cam:1", "--token", "secret", capture)
    assert ran.returncode == 0, ran.stderr
    path, authorization, body = door.posts[0]
    assert path == "/v1/devices/cam%3A1/reports"
    assert authorization == "Bearer secret"
    assert len(body) > 0
    assert b"1 report accepted" in ran.stdout


def test_a_busy_service_is_asked_again(capture):
    with Door([503, 503]) as door:
        ran = replay("--to", door.url, capture)
    assert ran.returncode == 0, ran.stderr
    assert len(door.posts) == 3
    assert door.posts[0] == door.posts[2]


def test_a_refusal_is_passed_on_with_its_reason(capture):
    with Door([401]) as door:
        ran = replay("--to", door.url, capture)
    assert ran.returncode == 1
    assert b"401" in ran.stderr and b"so it is" in ran.stderr and b"--token" in ran.stderr


def test_a_service_that_is_not_there_is_named_with_what_to_do(capture):
    with Door() as door:
        url = door.url
    ran = replay("--to", url, capture)
    assert ran.returncode == 1
    assert url.encode() in ran.stderr and b"picket serve" in ran.stderr


def test_one_name_for_several_devices_is_refused(tmp_path):
    capture = write_pcap(tmp_path / "local.pcap", exchange(DEVICE, OTHER))
    ran = replay("--to", "http://127.0.0.1:1", "--device-id", "cam", capture)
    assert ran.returncode == 1
    assert b"--device" in ran.stderr
