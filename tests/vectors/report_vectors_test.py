#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Reads spec/vectors/ by spec/report.md alone: cbor2 for the bytes, nothing of Picket's.

    report_vectors_test.py FOLDER
"""
import ipaddress
import json
import pathlib
import sys
import unicodedata

try:
    import cbor2
except ImportError:
    sys.exit("report_vectors_test.py needs cbor2: apt-get install python3-cbor2")

U8, U16, U32, U64 = 2**8 - 1, 2**16 - 1, 2**32 - 1, 2**64 - 1
PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6"}


class Refused(Exception):
    """status, and why"""


def refuse_unless(claim, status, why):
    if not claim:
        raise Refused(status, why)


def uint(item, most=U64, least=0):
    refuse_unless(type(item) is int and item >= 0, "MALFORMED", f"{item!r} is no uint")
    refuse_unless(least <= item <= most, "LIMIT", f"{item} is not in {least}..{most}")
    return item


def row(item, names, most=U64):
    refuse_unless(type(item) is list and len(item) >= len(names), "MALFORMED", "row")
    return {name: uint(value, most) for name, value in zip(names, item)}


def check_subset(item, depth=0):
    """Unsigned integers, strings, arrays, maps, booleans; an added item is at most 8 deep."""
    if type(item) in (list, dict):
        refuse_unless(depth < 8, "LIMIT", "depth")
    if type(item) is list:
        for inner in item:
            check_subset(inner, depth + 1)
    elif type(item) is dict:
        for key, inner in item.items():
            uint(key, U32)
            check_subset(inner, depth + 1)
    elif type(item) is not bool:
        refuse_unless(type(item) in (bytes, str) or (type(item) is int and item >= 0),
                      "MALFORMED", f"{item!r} is not in the subset")


def decode(octets):
    """One item in deterministic encoding, and nothing behind it."""
    try:
        item = cbor2.loads(octets)
    except (cbor2.CBORDecodeEOF, MemoryError) as error:  # cbor2 believes any count
        raise Refused("TRUNCATED", str(error)) from error
    except (cbor2.CBORDecodeError, ValueError, OverflowError) as error:
        raise Refused("MALFORMED", str(error)) from error
    refuse_unless(cbor2.dumps(item, canonical=True) == octets, "MALFORMED", "not deterministic")
    return item


def check_version(octets):
    """A map whose first key is 0: whatever follows, its value is the version."""
    refuse_unless(octets, "TRUNCATED", "nothing")
    refuse_unless(0xA0 <= octets[0] <= 0xBB, "MALFORMED", "no map")
    rest = octets[1 + {24: 1, 25: 2, 26: 4, 27: 8}.get(octets[0] & 31, 0):]
    refuse_unless(rest[:1] == b"\0", "MALFORMED", "the version does not come first")
    try:
        version = cbor2.loads(rest[1:10])
    except cbor2.CBORDecodeEOF as error:
        raise Refused("TRUNCATED", str(error)) from error
    except cbor2.CBORDecodeError as error:
        raise Refused("MALFORMED", str(error)) from error
    refuse_unless(uint(version) == 1, "VERSION", str(version))


def fact(item, least=1):
    refuse_unless(type(item) is str, "MALFORMED", "no text")
    refuse_unless(least <= len(item.encode()) <= 64, "LIMIT", "length of a text")
    refuse_unless(all(unicodedata.category(c) != "Cc" for c in item), "MALFORMED", "control")
    return item


def records(item, names):
    """A row that begins with the items of each record."""
    refuse_unless(type(item) is list and len(item) > 0, "MALFORMED", "row")
    stride = uint(item[0])
    refuse_unless(stride >= len(names) and (len(item) - 1) % stride == 0, "MALFORMED", "stride")
    return [dict(zip(names, item[at:at + stride])) for at in range(1, len(item), stride)]


AMOUNTS = ["connections", "packets_in", "packets_out", "bytes_in", "bytes_out"]
FLOW = ["traits", "protocol", "endpoint", *AMOUNTS, "first_ms", "duration_ms"]


def endpoint(octets, is_local_port):
    refuse_unless(type(octets) is bytes, "MALFORMED", "endpoint")
    size = len(octets)
    refuse_unless(size in (4, 6, 8, 12, 16, 18, 32, 36), "MALFORMED", f"endpoint of {size}")
    width = 4 if size < 16 else 16
    result = {"peer": str(ipaddress.ip_address(octets[:width]))}
    if size >= 2 * width:
        result["local"] = str(ipaddress.ip_address(octets[width:2 * width]))
    ports = octets[width:] if size < 2 * width else octets[2 * width:]
    names = ["peer_port", "local_port"]
    if len(ports) == 2:
        names = ["local_port"] if is_local_port else ["peer_port"]
    for name, at in zip(names, range(0, len(ports), 2)):
        result[name] = int.from_bytes(ports[at:at + 2], "big")
    return result, len(ports) == 2


def flow(items, window_ms):
    traits = uint(items["traits"])
    refuse_unless(traits < 1 << 10 and traits & 3 < 3, "MALFORMED", "traits")
    direction = ["outbound", "inbound", "unknown"][traits & 3]
    is_local_port = bool(traits & 4)
    outcomes = [name for bit, name in ((8, "answered"), (32, "reset"), (16, "refused"))
                if traits & bit]
    ends, has_one_port = endpoint(items["endpoint"], is_local_port)
    kind = ["whole", "fragment", "cut", "bad_length"][traits >> 6 & 3]
    refuse_unless(has_one_port or not is_local_port, "MALFORMED", "side of no port")
    refuse_unless(not has_one_port or direction == "unknown"
                  or is_local_port == (direction == "inbound"), "MALFORMED", "side of the port")
    refuse_unless(kind != "bad_length" or "local" in ends, "MALFORMED", "kind")
    number = uint(items["protocol"], U8)
    first_ms, duration_ms = uint(items["first_ms"], U32), uint(items["duration_ms"], U32)
    refuse_unless(first_ms + duration_ms <= window_ms, "MALFORMED", "times")
    uint(items["connections"], U32)
    return {
        "direction": direction,
        "kind": kind,
        "cast": ["unicast", "multicast", "broadcast", "loopback"][traits >> 8 & 3],
        "outcome": outcomes[0] if outcomes else "unanswered",
        "outcomes": outcomes,
        "protocol": PROTOCOLS.get(number, f"ip-{number}"),
        **ends,
        **{name: uint(items[name]) for name in AMOUNTS},
        "first_ms": first_ms,
        "last_ms": first_ms + duration_ms,
    }


def name(item, most, least=1):
    refuse_unless(type(item) is str, "MALFORMED", "no text")
    refuse_unless(least <= len(item.encode()) <= most, "LIMIT", "length of a name")
    refuse_unless(all("!" <= c <= "~" and not "A" <= c <= "Z" for c in item), "MALFORMED", "name")
    return item


def place(octets, key, has_port=True, sizes=(0, 4, 16)):
    """An address, if there is one, and a port."""
    refuse_unless(type(octets) is bytes, "MALFORMED", "endpoint")
    size = len(octets) - 2 * has_port
    refuse_unless(size in sizes, "MALFORMED", f"endpoint of {len(octets)}")
    address = {key: str(ipaddress.ip_address(octets[:size]))} if size else {}
    return address | ({"port": int.from_bytes(octets[size:], "big")} if has_port else {})


def known(**terms):
    """What is not known is left out."""
    return {key: value for key, value in terms.items() if value}


def name_fact(items, window_ms, flow_count):
    return {"name": name(items["name"], 253), **place(items["address"], "address", False)}


def tls_fact(items, window_ms, flow_count):
    traits = uint(items["traits"])
    refuse_unless(traits < 1 << 3 and traits & 3 < 3, "MALFORMED", "traits")
    certificate = items["certificate"]
    refuse_unless(type(certificate) is bytes and len(certificate) in (0, 32)
                  and (traits & 4 or not certificate), "MALFORMED", "certificate")
    return {"direction": ["outbound", "inbound", "unknown"][traits & 3],
            **place(items["endpoint"], "peer", sizes=(4, 16)),
            **known(version=uint(items["version"], U16),
                    cipher_suite=uint(items["cipher_suite"], U16)),
            "has_certificate": bool(traits & 4),
            **known(certificate_sha256=certificate.hex(),
                    server_name=name(items["server_name"], 253, 0))}


def listener_fact(items, window_ms, flow_count):
    protocol = uint(items["protocol"], U8)
    refuse_unless(protocol in (6, 17), "MALFORMED", "protocol")
    return {"protocol": PROTOCOLS[protocol], **place(items["endpoint"], "address")}


def start_fact(items, window_ms, flow_count):
    causes = ["unknown", "power_on", "software", "watchdog", "fault", "brown_out", "external"]
    return {"cause": causes[uint(items["cause"], 6)], "fault_code": uint(items["fault_code"], U32),
            "fault_address": uint(items["fault_address"]), "starts": uint(items["starts"], U32)}


def event_fact(items, window_ms, flow_count):
    first_ms, duration_ms = uint(items["first_ms"], U32), uint(items["duration_ms"], U32)
    refuse_unless(first_ms + duration_ms <= window_ms, "MALFORMED", "times")
    return {"name": name(items["name"], 64), **known(text=fact(items["text"], 0)),
            "count": uint(items["count"], U32), "first_ms": first_ms,
            "last_ms": first_ms + duration_ms}


def metric_fact(items, window_ms, flow_count):
    return {"name": name(items["name"], 64), "value": uint(items["value"])}


def icmp_fact(items, window_ms, flow_count):
    refuse_unless(uint(items["flow"]) < flow_count, "MALFORMED", "flow")
    return {"flow": items["flow"], "type": uint(items["type"], U8),
            "code": uint(items["code"], U8), "bytes_max": uint(items["bytes_max"], U32)}


def lost_fact(items, window_ms, flow_count):
    section = uint(items["section"], U8)
    return {"section": SECTIONS[section][0] if section in SECTIONS else f"section-{section}",
            "count": uint(items["count"], U32)}


def verdict_fact(items, window_ms, flow_count):
    traits = uint(items["traits"])
    direction, cause = traits & 3, traits >> 2
    refuse_unless(direction < 3 and 1 <= cause <= 3, "MALFORMED", "traits")
    number = uint(items["protocol"], U8)
    octets = items["endpoint"]
    refuse_unless(type(octets) is bytes, "MALFORMED", "endpoint")
    ends = place(octets, "peer", len(octets) in (6, 18), (4, 16))
    rule = uint(items["rule"], U8)
    refuse_unless(rule == 0 or cause == 1, "MALFORMED", "rule")
    revision, packets = uint(items["revision"], U32, 1), uint(items["packets"], U32, 1)
    refuse_unless(uint(items["blocked"], U32) <= packets, "MALFORMED", "blocked")
    return {"direction": ["outbound", "inbound", "unknown"][direction],
            "cause": [None, "rule", "others", "indicator"][cause],
            "protocol": PROTOCOLS.get(number, f"ip-{number}"), **ends,
            **({"rule": rule} if cause == 1 else {}),
            "revision": revision, "packets": packets, "blocked": items["blocked"]}


REFUSALS = ["not", "form", "version", "signature", "audience", "revision", "space", "value", "busy",
            "no_service", "returned", "unsupported"]


def settings_fact(items, window_ms, flow_count):
    kind = ["unknown", "policy", "configuration", "indicators"][uint(items["kind"], 3)]
    mode = ["observe", "alert", "enforce"][uint(items["mode"], 2)]
    refuse_unless(kind == "policy" or mode == "observe", "MALFORMED", "mode")
    refusal = uint(items["refusal"], U8)
    return {"kind": kind, "revision": uint(items["revision"], U32),
            "state": ["none", "pending", "on_trial", "in_effect"][uint(items["state"], 3)],
            **({"mode": mode} if kind == "policy" else {}),
            "refusal": REFUSALS[refusal] if refusal < len(REFUSALS) else f"refusal-{refusal}",
            "refused_revision": uint(items["refused_revision"], U32),
            "detail": uint(items["detail"], U32)}


SECTIONS = {
    13: ("names", name_fact, ["name", "address"]),
    14: ("tls", tls_fact, ["traits", "endpoint", "version", "cipher_suite", "certificate",
                           "server_name"]),
    15: ("listeners", listener_fact, ["protocol", "endpoint"]),
    16: ("starts", start_fact, ["cause", "fault_code", "fault_address", "starts"]),
    17: ("events", event_fact, ["name", "text", "count", "first_ms", "duration_ms"]),
    18: ("metrics", metric_fact, ["name", "value"]),
    19: ("icmp", icmp_fact, ["flow", "type", "code", "bytes_max"]),
    20: ("lost", lost_fact, ["section", "count"]),
    21: ("verdicts", verdict_fact, ["traits", "protocol", "endpoint", "rule", "revision", "packets",
                                    "blocked"]),
    22: ("settings", settings_fact, ["kind", "revision", "state", "mode", "refusal",
                                     "refused_revision", "detail"]),
}


def facts(item, window_ms, flow_count):
    """The sections behind the flows; one without records says nothing."""
    result = {}
    for key, (title, read, names) in SECTIONS.items():
        found = records(item.get(key, [len(names)]), names)
        if found:
            result[title] = [read(items, window_ms, flow_count) for items in found]
    return result


def system(item):
    names = ["os", "stack", "hardware", "firmware_version", "module_version", "sbom"]
    result = {names[key]: fact(text) for key, text in item.items() if key < len(names)}
    if 6 in item:
        refuse_unless(type(item[6]) is bytes and len(item[6]) == 32, "MALFORMED", "hash")
        result["firmware_sha256"] = item[6].hex()
    if 7 in item:
        known, on = divmod(uint(item[7], 0xffff), 256)
        refuse_unless(on & ~known == 0, "MALFORMED", "on and not known")
        result["hardening"] = {
            name: bool(on >> bit & 1) for bit, name in enumerate(
                ["stack_protector", "memory_protection", "error_checking", "stack_checking"])
            if known >> bit & 1}
    return result


def sections(item):
    result = {}
    if 7 in item:
        result["clock_ms"] = uint(item[7])
    if 8 in item:
        counters = row(item[8], ["seen", "kept", "folded", "malformed", "filtered", "dropped"])
        refuse_unless(counters["seen"] * 2 == sum(counters.values()), "MALFORMED", "sum")
        result["counters"] = counters
    if 9 in item:
        classes = records(item[9], AMOUNTS)
        refuse_unless(len(classes) >= 4, "MALFORMED", "classes")
        result["remainder"] = {name: {k: uint(v) for k, v in amounts.items()}
                               for name, amounts in zip(["tcp", "udp", "icmp", "other"], classes)}
    if 10 in item:
        refuse_unless(type(item[10]) is dict and {0, 1, 2} <= item[10].keys(), "MALFORMED",
                      "heartbeat")
        result["heartbeat"] = {"interval_ms": uint(item[10][0], 86400000, 1000),
                               "flow_capacity": uint(item[10][1], U32),
                               "flow_count": uint(item[10][2], U32)}
    if 11 in item:
        result["system"] = system(item[11])
    return result


def report(octets):
    """The report in words, or Refused."""
    check_version(octets)
    item = decode(octets)
    for value in item.values():
        check_subset(value)
    check_subset(dict.fromkeys(item, 0))
    refuse_unless(set(range(7)) | {12} <= item.keys(), "MALFORMED", "a key is missing")
    window = row(item[3], ["window_start_ms", "window_ms", "intervals"])
    uint(window["window_ms"], 2678400000)
    uint(window["intervals"], U32, 1)
    built_ms = uint(item[4])
    refuse_unless(built_ms >= window["window_start_ms"] + window["window_ms"], "MALFORMED",
                  "built before its window ended")
    refuse_unless(type(item[6]) is bool, "MALFORMED", "has_more")
    refuse_unless(item[5] == 0 or not {8, 9, 10, 11} & item.keys(), "MALFORMED", "facts")
    flows = [flow(items, window["window_ms"]) for items in records(item[12], FLOW)]
    return {
        "version": item[0],
        "boot": uint(item[1], U32),
        "sequence": uint(item[2], U32, 1),
        "part": uint(item[5], U32),
        "has_more": item[6],
        **window,
        "built_ms": built_ms,
        **sections(item),
        "flows": flows,
        **facts(item, window["window_ms"], len(flows)),
    }


def check(path):
    """None, or what is not as the vector says."""
    octets = bytes.fromhex(path.read_text())
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    try:
        found = report(octets)
    except Refused as refusal:
        found = {"status": f"PICKET_E_{refusal.args[0]}", "offset": expected.get("offset"),
                 "why": refusal.args[1]}
        if found["status"] == expected.get("status"):
            return None
    if found == expected:
        return None
    return f"{path.name}: read {found}\nexpected {expected}"


def main():
    paths = sorted(pathlib.Path(sys.argv[1]).glob("*.hex"))
    faults = [fault for fault in map(check, paths) if fault is not None]
    print("\n".join(faults + [f"{len(paths) - len(faults)} passed, {len(faults)} failed"]))
    return 1 if faults or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
