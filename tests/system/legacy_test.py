# SPDX-License-Identifier: MIT
"""`picket decode` on messages of other formats: each comes out as what it was made from."""
import json
import subprocess

import pytest

import rtos_message as rtos


@pytest.fixture
def decode(picket, tmp_path):
    """What `picket decode --json` says of bytes; or, if they are refused, the reason."""
    def run(message, *options):
        path = tmp_path / "message"
        path.write_bytes(message)
        ran = subprocess.run([picket, "decode", *options, path], capture_output=True, text=True,
                             timeout=60, check=False)
        assert "Sanitizer" not in ran.stderr
        return (json.loads(ran.stdout) if "--json" in options else ran.stdout) \
            if ran.returncode == 0 else ran.stderr
    return run


def in_order(message):
    """With events and flows in an order of their own, for messages whose order says nothing."""
    for event in message["events"]:
        for flows in event["payload"].values():
            if isinstance(flows, list):
                flows.sort(key=lambda flow: json.dumps(flow, sort_keys=True))
    message["events"].sort(key=lambda event: json.dumps(event, sort_keys=True))
    return message


def test_messages_of_the_retired_module_are_what_they_were_made_from(decode, data):
    sides = sorted((data / "legacy_messages").glob("*.json"))
    assert len(sides) >= 18
    for side in sides:
        expected = json.loads(side.read_text(encoding="utf-8"))
        message = side.with_suffix(".bin").read_bytes()
        decoded = decode(message, "--json")
        assert isinstance(decoded, dict), f"{side.name}: {decoded}"
        assert len(message) == expected["binary_size"]
        for name in ("name", "description", "binary_size"):
            del expected[name]
        for event in decoded["events"]:
            if any(asserted["id"] is None for asserted in expected["events"]):
                event["id"] = None
        assert in_order(decoded) == in_order(expected), side.name


def every_payload():
    return rtos.message([
        rtos.event(1, 1700000000, 10, rtos.network(
            [rtos.activity("10.0.0.2", "198.51.100.7", 50001, 443, 900, 300, executable="/bin/x")],
            [rtos.activity("2001:db8::2", "ff02::1", protocol="ICMP", bytes_out=64)])),
        rtos.event(2, 1700000000, 60, rtos.system("RTOS 1", "kernel", "board")),
        rtos.event(3, 1700000000, 60, rtos.listening([("0.0.0.0", 22, "TCP"), ("::1", 53, "UDP")])),
        rtos.event(4, 1700000000, 60, rtos.heartbeat()),
        rtos.event(5, 1700000000, 60, rtos.process("/bin/y", event=1, hit_count=3)),
        rtos.event(6, 1700000000, 60, ("Log", rtos.Table({}))),
        rtos.event(7, 1700000000, 60, (9, rtos.Table({}))),
    ], timezone=-3)


@pytest.mark.parametrize("vtables_first", [False, True])
def test_every_payload_is_read_wherever_its_vtables_lie(decode, vtables_first):
    decoded = decode(rtos.serialize(every_payload(), vtables_first), "--json")
    events = decoded["events"]
    assert decoded["timezone"] == -3
    assert [event["payload_type"] for event in events] == [
        "NetworkActivity", "SystemInformation", "ListeningPorts", "Heartbeat", "Process", "Log", 9]
    assert events[0]["payload"]["ipv4_activity"][0]["executable"] == "/bin/x"
    assert events[0]["payload"]["ipv6_activity"][0]["remote_address"] == "ff02::1"
    assert events[2]["payload"] == {
        "ipv4_ports": [{"local_address": "0.0.0.0", "local_port": 22, "protocol": "TCP"}],
        "ipv6_ports": [{"local_address": "::1", "local_port": 53, "protocol": "UDP"}]}
    assert events[4]["payload"]["hit_count"] == 3
    assert events[5]["payload"] is None


def test_what_is_unknown_reads_so(decode):
    said = decode(rtos.serialize(every_payload()))
    rows = [line.split() for line in said.splitlines()]
    assert ["unknown", "unknown", "tcp", "198.51.100.7:443", "10.0.0.2:50001", "unknown",
            "unknown", "900", "/", "300", "unicast"] in rows
    assert "passed over Log, 1" in said
    assert "passed over Payload 9, 1" in said
    assert "listener    tcp :22" in said
    assert "event       process_executed (/bin/y), 3 times" in said


def test_damaged_message_is_refused_with_place_and_reason(decode):
    good = rtos.serialize(every_payload())
    assert "byte " in decode(good[:100], "--json")
    assert "no events" in decode(rtos.serialize(rtos.Table({0: rtos.text("x")})), "--json")
    shared = rtos.network([rtos.activity("10.0.0.2", "10.0.0.3")] * 3)
    bomb = rtos.serialize(rtos.message([rtos.event(1, 1700000000, 10, shared)] * 50))
    assert "overlap" in decode(bomb, "--json")
