# SPDX-License-Identifier: MIT
"""`picket decode` on messages of other formats: each comes out as what it was made from."""
import json
import subprocess

import pytest

import legacy_agents as agents
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


def said_of(decode, message):
    """What it became, without the times of the receipt."""
    decoded = decode(message, "--json")
    assert isinstance(decoded, dict), decoded
    for name in ("window_start", "window_end", "format"):
        del decoded[name]
    for flow in decoded["flows"]:
        del flow["first_seen"], flow["last_seen"]
    return decoded


def test_every_event_of_an_agent_becomes_a_fact_or_is_passed_over(decode):
    decoded = decode(json.dumps(agents.every_agent_event()).encode(), "--json")
    assert decoded["format"] == "agent"
    assert (decoded["has_clock"], decoded["window_end"]) == (True, "2023-11-14T22:13:20.000000Z")
    out, back = decoded["flows"]
    assert (out["direction"], out["outcome"], out["protocol"], out["peer"], out["peer_port"],
            out["local"], out["local_port"], out["connections"], out["packets_in"],
            out["bytes_out"]) == ("outbound", "unknown", "tcp", "198.51.100.7", 443, "10.0.0.2",
                                  None, 3, None, None)
    assert out["unknown"] == ["packets", "bytes", "outcome", "times"]
    assert (back["direction"], back["protocol"], back["peer_port"], back["local_port"],
            back["connections"]) == ("inbound", "udp", None, 22, 1)
    assert decoded["listeners"] == [{"protocol": "tcp", "port": 22},
                                    {"protocol": "udp", "address": "::1", "port": 53}]
    assert decoded["system"] == {"os": "Linux 5", "hardware": "arm",
                                 "module_version": "agent 1.2.3"}
    assert [(event["name"], event["text"]) for event in decoded["events"]] == [
        ("login_failed", "root@203.0.113.9"), ("process_created", "/bin/sh")]
    assert (decoded["events_collected"], decoded["events_dropped"]) == (100, 15)
    assert [(metric["name"], metric["value"]) for metric in decoded["metrics"]] == [
        ("messages_sent", 4), ("messages_under_4kb", 3), ("messages_failed", 1)]
    assert decoded["configuration_errors"] == [
        {"name": "interval", "error": "Conflict", "text": "too short"}]
    assert decoded["passed_over"] == [
        {"name": "Protocol SCTP", "count": 1}, {"name": "FirewallConfiguration", "count": 2},
        {"name": "LocalUsers", "count": 0}]


def spoilt(path, value=None):
    """A message with one member changed, or taken away."""
    message = agents.agent_message(agents.agent_event("ConnectionCreate", [agents.connection()]))
    inner = message
    for step in path[:-1]:
        inner = inner[step]
    if value is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return json.dumps(message).encode()


EVENT = ("Events", 0)
PAYLOAD = EVENT + ("Payload", 0)


@pytest.mark.parametrize("path, value, place", [
    (("AgentId",), "short", "AgentId"),
    (("MessageSchemaVersion",), "2.0", "MessageSchemaVersion"),
    (("Events",), [], "Events"),
    (("Weather",), "good", "Weather"),
    (EVENT + ("TimestampUTC",), "yesterday", "Events[0].TimestampUTC"),
    (EVENT + ("Category",), "Periodic", "Events[0].Category"),
    (EVENT + ("Payload",), [], "Events[0].IsEmpty"),
    (EVENT + ("Weather",), 1, "Events[0].Weather"),
    (PAYLOAD + ("RemoteAddress",), None, "Events[0].Payload[0].RemoteAddress"),
    (PAYLOAD + ("RemoteAddress",), "10.0.0.999", "Events[0].Payload[0].RemoteAddress"),
    (PAYLOAD + ("RemotePort",), 443, "Events[0].Payload[0].RemotePort"),
    (PAYLOAD + ("RemotePort",), "65536", "Events[0].Payload[0].RemotePort"),
    (PAYLOAD + ("Direction",), "Up", "Events[0].Payload[0].Direction"),
    (PAYLOAD + ("Executable",), None, "Events[0].Payload[0].Executable"),
    (PAYLOAD + ("Weather",), "x", "Events[0].Payload[0].Weather"),
])
def test_message_of_an_agent_that_breaks_the_schema_is_refused_with_the_member(decode, path, value,
                                                                              place):
    assert f'"{place}" is missing or not as schema 1.0 has it' in decode(spoilt(path, value),
                                                                        "--json")


def test_time_with_an_offset_is_the_same_time(decode):
    decoded = decode(spoilt(EVENT + ("TimestampUTC",), "2023-11-14T23:43:20.000+01:30"), "--json")
    assert decoded["window_end"] == "2023-11-14T22:13:20.000000Z"


def test_metrics_mean_the_same_in_every_form(decode):
    short = agents.defender_report()
    forms = [json.dumps(short).encode(), json.dumps(agents.with_long_keys(short)).encode(),
             agents.cbor(short), agents.cbor(agents.with_long_keys(short)),
             agents.cbor(short, indefinite=True)]
    said = said_of(decode, forms[0])
    assert all(said_of(decode, form) == said for form in forms)
    assert [(flow["direction"], flow["outcome"], flow["peer"], flow["peer_port"],
             flow["local_port"], flow["connections"]) for flow in said["flows"]] == [
        ("outbound", "answered", "198.51.100.7", 443, None, None),
        ("inbound", "answered", "2001:db8::9", None, 22, None),
        ("unknown", "answered", "2001:db8::7", 8883, None, None)]
    assert said["listeners"] == [{"protocol": "tcp", "port": 22}, {"protocol": "udp", "port": 53}]
    assert {metric["name"]: metric["value"] for metric in said["metrics"]} == {
        "bytes_in": 1000, "bytes_out": 2000, "packets_in": 10, "packets_out": 20, "battery": 77}
    assert said["passed_over"] == [{"name": "established_connections", "count": 2},
                                   {"name": "peers", "count": 1}]


def test_who_opened_a_connection_is_unknown_unless_every_listening_port_is_told(decode):
    report = agents.defender_report()
    report["met"]["tp"]["t"] = 9
    flows = said_of(decode, json.dumps(report).encode())["flows"]
    assert [flow["direction"] for flow in flows] == ["unknown", "inbound", "unknown"]


@pytest.mark.parametrize("path, value, member", [
    (("hed",), None, "header"), (("hed", "v"), "2.0", "version"), (("hed", "rid"), "1", "report_id"),
    (("met", "tp", "pts"), [{"pt": 65536}], "port"), (("met", "ns", "bi"), -1, "bytes_in"),
    (("met", "tc", "ec", "cs"), [{"rad": "nowhere:1"}], "remote_addr"),
    (("met", "tc", "ec", "cs"), [{"lp": 1}], "remote_addr"),
    (("metrics",), {}, "metrics"),
])
def test_bad_metrics_are_refused_with_the_member(decode, path, value, member):
    report = agents.defender_report()
    inner = report
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    if value is None:
        del inner[path[-1]]
    for form in (json.dumps(report).encode(), agents.cbor(report)):
        assert f'"{member}" (' in decode(form, "--json")


def test_cut_cbor_is_refused_at_each_length(decode):
    whole = agents.cbor(agents.defender_report())
    for length in range(6, len(whole), 7):
        assert "byte " in decode(whole[:length], "--json")
