# SPDX-License-Identifier: MIT
"""Messages as the retired agents and Device Defender's clients send them (docs/legacy.md)."""
import copy

GUID = "00000000-0000-4000-8000-000000000001"
TIME = "2023-11-14T22:13:20Z"


def agent_event(name, payload, category="Triggered", kind="Security", **members):
    return {"Id": GUID, "TimestampLocal": TIME, "TimestampUTC": TIME, "Category": category,
            "Name": name, "EventType": kind, "IsEmpty": not payload,
            "PayloadSchemaVersion": "1.0", "Payload": payload, **members}


def agent_message(*events):
    return {"AgentVersion": "1.2.3", "AgentId": GUID, "MessageSchemaVersion": "1.0",
            "Events": list(events)}


def connection(**members):
    return {"RemoteAddress": "198.51.100.7", "RemotePort": "443", "Direction": "Out",
            "Protocol": "TCP", "ProcessId": 7, "Executable": "/bin/x", **members}


def every_agent_event():
    return agent_message(
        agent_event("ConnectionCreate", [
            connection(LocalAddress="10.0.0.2", LocalPort="50000", UserId="0",
                       ExtraDetails={"HitCount": "3"}),
            connection(Direction="In", LocalPort="22", RemotePort="*", Protocol="udp"),
            connection(Protocol="SCTP")]),
        agent_event("ListeningPorts", [
            {"LocalPort": "22", "Protocol": "tcp", "LocalAddress": "0.0.0.0"},
            {"LocalPort": "53", "Protocol": "udp6", "LocalAddress": "::1"}], "Periodic"),
        agent_event("SystemInformation", [
            {"OSName": "Linux", "OSVersion": "5", "OsArchitecture": "arm",
             "TotalPhysicalMemoryInKB": 4096}], "Periodic"),
        agent_event("Login", [
            {"ProcessId": 1, "UserName": "root", "Operation": "ssh", "Executable": "/sshd",
             "RemoteAddress": "203.0.113.9", "Result": "Fail"}]),
        agent_event("ProcessCreate", [
            {"Executable": "/bin/sh", "ProcessId": 2, "ParentProcessId": 1, "UserId": "0",
             "CommandLine": "sh"}]),
        agent_event("DroppedEventsStatistics", [
            {"Queue": "High", "CollectedEvents": 90, "DroppedEvents": 10},
            {"Queue": "Low", "CollectedEvents": 10, "DroppedEvents": 5}], "Periodic",
            "Operational"),
        agent_event("MessageStatistics", [
            {"MessagesSent": 4, "MessagesUnder4KB": 3, "TotalFailed": 1}], "Periodic",
            "Operational"),
        agent_event("ConfigurationError", [
            {"ConfigurationName": "interval", "ErrorType": "Conflict", "UsedConfiguration": "1",
             "Message": "too short"}], kind="Operational"),
        agent_event("FirewallConfiguration", [{"Enabled": True, "Action": "Deny"}] * 2,
                    "Periodic"),
        agent_event("LocalUsers", [], "Periodic"))


LONG = {"hed": "header", "met": "metrics", "cmet": "custom_metrics", "rid": "report_id",
        "v": "version", "tp": "listening_tcp_ports", "up": "listening_udp_ports",
        "ns": "network_stats", "tc": "tcp_connections", "ec": "established_connections",
        "cs": "connections", "pts": "ports", "pt": "port", "if": "interface", "t": "total",
        "rad": "remote_addr", "lp": "local_port", "li": "local_interface", "bi": "bytes_in",
        "bo": "bytes_out", "pi": "packets_in", "po": "packets_out"}


def defender_report():
    """With short keys."""
    return copy.deepcopy({
        "hed": {"rid": 1700000000, "v": "1.0"},
        "met": {
            "tp": {"pts": [{"if": "eth0", "pt": 22}], "t": 1},
            "up": {"pts": [{"pt": 53}]},
            "ns": {"bi": 1000, "bo": 2000, "pi": 10, "po": 20},
            "tc": {"ec": {"cs": [{"li": "eth0", "lp": 50000, "rad": "198.51.100.7:443"},
                                 {"lp": 22, "rad": "[2001:db8::9]:40000"},
                                 {"rad": "2001:db8::7:8883"}], "t": 5}}},
        "cmet": {"battery": [{"number": 77}], "peers": [{"ip_list": ["192.0.2.1"]}]}})


def with_long_keys(value):
    if isinstance(value, dict):
        return {LONG.get(key, key): with_long_keys(item) for key, item in value.items()}
    return [with_long_keys(item) for item in value] if isinstance(value, list) else value


def cbor(value, indefinite=False):
    """RFC 8949; lengths told by a break, texts in chunks and numbers in 8 bytes if asked for."""
    def head(major, number):
        if indefinite:
            return bytes([major << 5 | 27]) + number.to_bytes(8, "big")
        for detail, size in ((None, 0), (24, 1), (25, 2), (26, 4), (27, 8)):
            if detail is None and number < 24:
                return bytes([major << 5 | number])
            if detail is not None and number < 1 << 8 * size:
                return bytes([major << 5 | detail]) + number.to_bytes(size, "big")
        raise ValueError(number)

    def many(major, count, items):
        if indefinite:
            return bytes([major << 5 | 31]) + items + b"\xff"
        return head(major, count) + items

    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, str):
        text = value.encode()
        if not indefinite:
            return head(3, len(text)) + text
        return many(3, 0, b"".join(head(3, 1) + text[i:i + 1] for i in range(len(text))))
    if isinstance(value, list):
        return many(4, len(value), b"".join(cbor(item, indefinite) for item in value))
    return many(5, len(value), b"".join(cbor(key, indefinite) + cbor(item, indefinite)
                                        for key, item in value.items()))
