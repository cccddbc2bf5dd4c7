#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes spec/vectors/: report bytes (*.hex) beside what they mean (*.json).

A good vector is written down as its meaning, and its bytes are made from that;
readers go the other way. A bad one is a good one with one thing wrong: At()
marks the item that a reader has to name. Nothing here uses Picket's C code.

    tools/make_report_vectors.py [FOLDER]
"""
import ipaddress
import itertools
import json
import pathlib
import sys

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "spec" / "vectors"

DIRECTIONS = ["outbound", "inbound", "unknown"]
OUTCOMES = {"answered": 1, "reset": 4, "refused": 2}  # strongest first
KINDS = ["whole", "fragment", "cut", "bad_length"]
CASTS = ["unicast", "multicast", "broadcast", "loopback"]
PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58}
CLASSES = ["tcp", "udp", "icmp", "other"]
SYSTEM = ["os", "stack", "hardware", "firmware_version", "module_version", "sbom",
          "firmware_sha256", "hardening"]
HARDENING = ["stack_protector", "memory_protection", "error_checking", "stack_checking"]
COUNTERS = ["seen", "kept", "folded", "malformed", "filtered", "dropped"]
AMOUNTS = ["connections", "packets_in", "packets_out", "bytes_in", "bytes_out"]
HEARTBEAT = ["interval_ms", "flow_capacity", "flow_count"]
CAUSES = ["unknown", "power_on", "software", "watchdog", "fault", "brown_out", "external"]
SECTIONS = ["names", "tls", "listeners", "starts", "events", "metrics", "icmp", "lost",
            "verdicts", "settings"]  # from 13
VERDICT_CAUSES = ["none", "rule", "others", "indicator"]
KINDS_OF_SETTINGS = ["unknown", "policy", "configuration", "indicators"]
STATES = ["none", "pending", "on_trial", "in_effect"]
MODES = ["observe", "alert", "enforce"]
REFUSALS = ["not", "form", "version", "signature", "audience", "revision", "space", "value",
            "busy", "no_service", "returned", "unsupported"]
U32, U64 = 2**32 - 1, 2**64 - 1


class At:
    """Marks the item that is wrong."""

    def __init__(self, item):
        self.item = item


class Raw(bytes):
    """Bytes that stand for themselves."""


class Pairs(list):
    """A map, in this order."""


class Encoder:
    def __init__(self):
        self.out = bytearray()
        self.mark = None

    def head(self, major, value):
        for limit, additional, size in ((24, None, 0), (2**8, 24, 1), (2**16, 25, 2),
                                        (2**32, 26, 4), (2**64, 27, 8)):
            if value < limit:
                self.out.append(major << 5 | (value if additional is None else additional))
                self.out += value.to_bytes(size, "big") if size else b""
                return

    def put(self, item):
        if isinstance(item, At):
            self.mark = len(self.out)
            self.put(item.item)
        elif isinstance(item, Raw):
            self.out += item
        elif isinstance(item, bool):
            self.out.append(0xF5 if item else 0xF4)
        elif isinstance(item, int):
            self.head(0, item)
        elif isinstance(item, bytes):
            self.head(2, len(item))
            self.out += item
        elif isinstance(item, str):
            self.head(3, len(item.encode()))
            self.out += item.encode()
        elif isinstance(item, Pairs):
            self.head(5, len(item))
            for key, value in item:
                self.put(key)
                self.put(value)
        else:
            self.head(4, len(item))
            for value in item:
                self.put(value)


def packed(address):
    return ipaddress.ip_address(address).packed


def protocol_number(protocol):
    return PROTOCOLS[protocol] if protocol in PROTOCOLS else int(protocol[3:])


def flow_items(flow):
    endpoint = packed(flow["peer"])
    traits = DIRECTIONS.index(flow["direction"])
    traits |= sum(OUTCOMES[outcome] for outcome in flow["outcomes"]) << 3
    traits |= KINDS.index(flow["kind"]) << 6 | CASTS.index(flow["cast"]) << 8
    if "local" in flow:
        endpoint += packed(flow["local"])
    elif "local_port" in flow:
        traits |= 1 << 2
    for port in ("peer_port", "local_port"):
        if port in flow:
            endpoint += flow[port].to_bytes(2, "big")
    return [traits, protocol_number(flow["protocol"]), endpoint, *(flow[name] for name in AMOUNTS), flow["first_ms"],
            flow["last_ms"] - flow["first_ms"]]


def endpoint(fact, name):
    octets = packed(fact[name]) if name in fact else b""
    return octets + (fact["port"].to_bytes(2, "big") if "port" in fact else b"")


def section_number(name):
    return 13 + SECTIONS.index(name) if name in SECTIONS else int(name.removeprefix("section-"))


def number_of(text, names):
    """The place of a name; those of later versions are a word and their number."""
    return names.index(text) if text in names else int(text.rpartition("-")[2])


FACT_ITEMS = {
    "names": lambda fact: [fact["name"], endpoint(fact, "address")],
    "tls": lambda fact: [DIRECTIONS.index(fact["direction"]) | fact["has_certificate"] << 2,
                         endpoint(fact, "peer"), fact.get("version", 0),
                         fact.get("cipher_suite", 0),
                         bytes.fromhex(fact.get("certificate_sha256", "")),
                         fact.get("server_name", "")],
    "listeners": lambda fact: [PROTOCOLS[fact["protocol"]], endpoint(fact, "address")],
    "starts": lambda fact: [CAUSES.index(fact["cause"]), fact["fault_code"],
                            fact["fault_address"], fact["starts"]],
    "events": lambda fact: [fact["name"], fact.get("text", ""), fact["count"], fact["first_ms"],
                            fact["last_ms"] - fact["first_ms"]],
    "metrics": lambda fact: [fact["name"], fact["value"]],
    "icmp": lambda fact: [fact["flow"], fact["type"], fact["code"], fact["bytes_max"]],
    "lost": lambda fact: [section_number(fact["section"]), fact["count"]],
    "verdicts": lambda fact: [
        DIRECTIONS.index(fact["direction"]) | VERDICT_CAUSES.index(fact["cause"]) << 2,
        protocol_number(fact["protocol"]), endpoint(fact, "peer"), fact.get("rule", 0),
        fact["revision"], fact["packets"], fact["blocked"]],
    "settings": lambda fact: [
        KINDS_OF_SETTINGS.index(fact["kind"]), fact["revision"], STATES.index(fact["state"]),
        MODES.index(fact.get("mode", "observe")), number_of(fact["refusal"], REFUSALS),
        fact["refused_revision"], fact["detail"]],
}
STRIDES = dict(zip(SECTIONS, (2, 6, 2, 4, 5, 2, 4, 2, 7, 7)))


def system_pairs(system):
    values = dict(system)
    if "firmware_sha256" in system:
        values["firmware_sha256"] = bytes.fromhex(system["firmware_sha256"])
    if "hardening" in system:
        values["hardening"] = sum((256 + is_on) << HARDENING.index(name)
                                  for name, is_on in system["hardening"].items())
    return Pairs((key, values[name]) for key, name in enumerate(SYSTEM) if name in values)


def report_pairs(report):
    pairs = Pairs([
        (0, report["version"]),
        (1, report["boot"]),
        (2, report["sequence"]),
        (3, [report["window_start_ms"], report["window_ms"], report["intervals"]]),
        (4, report["built_ms"]),
        (5, report["part"]),
        (6, report["has_more"]),
    ])
    if "clock_ms" in report:
        pairs.append((7, report["clock_ms"]))
    if "counters" in report:
        pairs.append((8, [report["counters"][name] for name in COUNTERS]))
    if "remainder" in report:
        pairs.append((9, [5] + [report["remainder"][a][b] for a in CLASSES for b in AMOUNTS]))
    if "heartbeat" in report:
        pairs.append((10, Pairs(enumerate(report["heartbeat"][name] for name in HEARTBEAT))))
    if "system" in report:
        pairs.append((11, system_pairs(report["system"])))
    pairs.append((12, [10] + [item for flow in report["flows"] for item in flow_items(flow)]))
    for name in SECTIONS:
        if name in report:
            pairs.append((section_number(name), [STRIDES[name]] + [
                item for fact in report[name] for item in FACT_ITEMS[name](fact)]))
    return pairs


# Good ones: names in the order of the JSON.

def report(flows=(), sections=None, facts=None, **head):
    result = {"version": 1, "boot": 1, "sequence": 1, "part": 0, "has_more": False,
              "window_start_ms": 0, "window_ms": 60000, "intervals": 1, "built_ms": 60000}
    result.update(head)
    result.update(sections or {})
    result["flows"] = list(flows)
    result.update(facts or {})
    return result


def flow(peer, direction="outbound", outcomes=("answered",), kind="whole", cast="unicast",
         protocol="tcp", local=None, peer_port=None, local_port=None,
         amounts=(1, 5, 6, 700, 420), first_ms=100, last_ms=2600):
    result = {"direction": direction, "kind": kind, "cast": cast,
              "outcome": outcomes[0] if outcomes else "unanswered", "outcomes": list(outcomes),
              "protocol": protocol, "peer": peer, "local": local, "peer_port": peer_port,
              "local_port": local_port, **dict(zip(AMOUNTS, amounts)), "first_ms": first_ms,
              "last_ms": last_ms}
    return {name: value for name, value in result.items() if value is not None}


def counters(*values):
    return {"counters": dict(zip(COUNTERS, values))}


EVERY_SECTION = report(
    [flow("198.51.100.7", peer_port=443)],
    boot=2864434397, sequence=7, window_start_ms=360000, intervals=1, built_ms=420012,
    sections={
        "clock_ms": 1767225600000,
        **counters(31, 11, 12, 3, 4, 1),
        "remainder": {
            "tcp": dict(zip(AMOUNTS, (2, 3, 4, 180, 240))),
            "udp": dict(zip(AMOUNTS, (1, 1, 1, 76, 76))),
            "icmp": dict(zip(AMOUNTS, (1, 1, 1, 84, 84))),
            "other": dict(zip(AMOUNTS, (0, 1, 0, 32, 0))),
        },
        "heartbeat": {"interval_ms": 60000, "flow_capacity": 128, "flow_count": 1},
        "system": {"os": "ThreadX 6.4.1", "stack": "NetX Duo 6.4.1", "hardware": "STM32H563",
                   "firmware_version": "1.4.2", "module_version": "0.1.0"},
    })

LARGE = report(
    [flow("203.0.113.255", peer_port=65535, amounts=(U32, U64, U64, U64, U64), first_ms=0,
          last_ms=2678400000),
     flow("203.0.113.254", peer_port=1, first_ms=2678400000, last_ms=2678400000)],
    boot=U32, sequence=U32, part=0, window_start_ms=U64 - 2678400000, window_ms=2678400000,
    intervals=U32, built_ms=U64,
    sections={"clock_ms": U64, **counters(U64, U64 - 5, 1, 1, 1, 2),
              "remainder": {name: dict.fromkeys(AMOUNTS, U64) for name in CLASSES},
              "heartbeat": {"interval_ms": 86400000, "flow_capacity": U32, "flow_count": U32}})

SHA256 = bytes(range(32)).hex()

EVERY_FACT = report(
    [flow("198.51.100.7", peer_port=8883), flow("2001:db8::7", peer_port=443),
     flow("198.51.100.12", "inbound", protocol="icmp")],
    facts={
        "names": [
            {"name": "broker.example.com", "address": "198.51.100.7"},
            {"name": "updates.example.com", "address": "2001:db8::7"},
            {"name": "gone.example.com"},
        ],
        "tls": [
            {"direction": "outbound", "peer": "198.51.100.7", "port": 8883, "version": 0x0303,
             "cipher_suite": 0xC02B, "has_certificate": True, "certificate_sha256": SHA256,
             "server_name": "broker.example.com"},
            {"direction": "outbound", "peer": "2001:db8::7", "port": 443, "version": 0x0304,
             "cipher_suite": 0x1301, "has_certificate": False,
             "server_name": "updates.example.com"},
            {"direction": "inbound", "peer": "192.0.2.9", "port": 443, "version": 0x0301,
             "has_certificate": True},
            {"direction": "unknown", "peer": "192.0.2.10", "port": 0, "has_certificate": False},
        ],
        "listeners": [
            {"protocol": "tcp", "port": 22},
            {"protocol": "udp", "address": "10.0.0.2", "port": 161},
            {"protocol": "tcp", "address": "2001:db8:0:1::2", "port": 65535},
        ],
        "starts": [{"cause": "fault", "fault_code": 0x8200, "fault_address": 0x08004F12,
                    "starts": 17}],
        "events": [
            {"name": "login_failed", "text": "user Jürgen", "count": 3, "first_ms": 1000,
             "last_ms": 59000},
            {"name": "update_begun", "count": 1, "first_ms": 60000, "last_ms": 60000},
        ],
        "metrics": [{"name": "battery_mv", "value": 3312}, {"name": "heap_free", "value": 0}],
        "icmp": [{"flow": 2, "type": 8, "code": 0, "bytes_max": 84}],
        "lost": [{"section": "names", "count": 12}, {"section": "events", "count": 1},
                 {"section": "section-200", "count": 1}],
        "verdicts": [
            {"direction": "outbound", "cause": "rule", "protocol": "tcp", "peer": "203.0.113.9",
             "port": 23, "rule": 0, "revision": 7, "packets": 3, "blocked": 3},
            {"direction": "inbound", "cause": "others", "protocol": "icmp",
             "peer": "203.0.113.10", "revision": 7, "packets": 2, "blocked": 0},
            {"direction": "unknown", "cause": "indicator", "protocol": "udp",
             "peer": "2001:db8::9", "port": 0, "revision": 7, "packets": 1, "blocked": 0},
            {"direction": "outbound", "cause": "rule", "protocol": "icmpv6",
             "peer": "2001:db8::a", "rule": 12, "revision": 6, "packets": 9, "blocked": 8},
        ],
        "settings": [
            {"kind": "policy", "revision": 7, "state": "in_effect", "mode": "enforce",
             "refusal": "revision", "refused_revision": 6, "detail": 0},
            {"kind": "configuration", "revision": 2, "state": "on_trial", "refusal": "value",
             "refused_revision": 3, "detail": 21},
            {"kind": "unknown", "revision": 0, "state": "none", "refusal": "signature",
             "refused_revision": 0, "detail": 0},
        ],
    })

LARGE_FACTS = report(
    [flow("192.0.2.1", protocol="icmp")], window_ms=2678400000, built_ms=2678400000, facts={
        "names": [{"name": "".join(chr(c) for c in range(33, 127) if not 65 <= c <= 90) + "n" * 185,
                   "address": "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"}],
        "tls": [{"direction": "unknown", "peer": "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
                 "port": 65535, "version": 65535, "cipher_suite": 65535, "has_certificate": True,
                 "certificate_sha256": "ff" * 32, "server_name": "s" * 253}],
        "starts": [{"cause": "external", "fault_code": U32, "fault_address": U64,
                    "starts": U32}],
        "events": [{"name": "e" * 64, "text": "ж" * 32, "count": U32, "first_ms": 0,
                    "last_ms": 2678400000}],
        "metrics": [{"name": "m" * 64, "value": U64}],
        "icmp": [{"flow": 0, "type": 255, "code": 255, "bytes_max": U32}],
        "lost": [{"section": "section-255", "count": U32}],
        "verdicts": [{"direction": "unknown", "cause": "rule", "protocol": "ip-255",
                      "peer": "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "port": 65535,
                      "rule": 255, "revision": U32, "packets": U32, "blocked": U32}],
        "settings": [{"kind": "policy", "revision": U32, "state": "in_effect", "mode": "enforce",
                      "refusal": "refusal-255", "refused_revision": U32, "detail": U32}],
    })

GOOD = {
    "minimal": report(),
    "one-flow": report([flow("198.51.100.7", peer_port=443)]),
    "every-section": EVERY_SECTION,
    "every-fact": EVERY_FACT,
    "every-start-cause": report(facts={"starts": [
        {"cause": cause, "fault_code": 0, "fault_address": 0, "starts": 0} for cause in CAUSES]}),
    "every-settings-state": report(facts={"settings": [
        {"kind": "policy", "revision": 1, "state": state, "mode": mode, "refusal": "not",
         "refused_revision": 0, "detail": 0} for state in STATES for mode in MODES]}),
    "every-settings-kind": report(facts={"settings": [
        {"kind": kind, "revision": 1, "state": "in_effect",
         **({"mode": "alert"} if kind == "policy" else {}), "refusal": "space",
         "refused_revision": 2, "detail": 0} for kind in KINDS_OF_SETTINGS]}),
    "every-refusal": report(facts={"settings": [
        {"kind": "configuration", "revision": 0, "state": "none", "refusal": refusal,
         "refused_revision": 1, "detail": 0} for refusal in [*REFUSALS, "refusal-12"]]}),
    "large-facts": LARGE_FACTS,
    "names-30": report(facts={"names": [
        {"name": f"n{number}.example.com", "address": "192.0.2.1"} for number in range(30)]}),
    "facts-in-part-1": report([flow("192.0.2.2", peer_port=80)], sequence=5, part=1, facts={
        "metrics": [{"name": "battery_mv", "value": 3312}]}),
    "folded-ipv4": report([
        flow("198.51.100.7", peer_port=443),
        flow("198.51.100.8", "inbound", local_port=22),
        flow("198.51.100.9", "unknown", peer_port=8883),
        flow("198.51.100.10", "unknown", local_port=80),
        flow("198.51.100.11", protocol="udp", peer_port=53),
        flow("198.51.100.12", "inbound", protocol="icmp"),
        flow("198.51.100.13", protocol="ip-47", outcomes=()),
    ]),
    "folded-ipv6": report([
        flow("2001:db8::7", peer_port=443),
        flow("2001:db8::8", "inbound", local_port=22),
        flow("fe80::1", "unknown", protocol="icmpv6"),
        flow("ff02::fb", cast="multicast", protocol="udp", peer_port=5353, outcomes=()),
    ]),
    "exact-flows": report([
        flow("198.51.100.7", local="10.0.0.2", peer_port=443, local_port=49152),
        flow("198.51.100.7", "inbound", local="10.0.0.2", protocol="icmp"),
        flow("2001:db8::7", "unknown", local="2001:db8:0:1::2", peer_port=53, local_port=40000,
             protocol="udp"),
        flow("2001:db8::9", local="2001:db8:0:1::2", protocol="icmpv6"),
        flow("198.51.100.3", "inbound", kind="bad_length", local="10.0.0.2", outcomes=()),
    ]),
    "every-outcome": report([
        flow("192.0.2.1", peer_port=23, outcomes=outcomes)
        for count in range(len(OUTCOMES) + 1)
        for outcomes in itertools.combinations(OUTCOMES, count)
    ]),
    "every-kind-and-cast": report([
        flow("192.0.2.1", kind="whole", peer_port=161, protocol="udp"),
        flow("192.0.2.1", kind="fragment", protocol="udp"),
        flow("192.0.2.1", kind="cut", protocol="tcp"),
        flow("239.255.255.250", cast="multicast", peer_port=1900, protocol="udp"),
        flow("255.255.255.255", cast="broadcast", peer_port=67, protocol="udp"),
        flow("127.0.0.1", cast="loopback", peer_port=80),
    ]),
    "large-numbers": LARGE,
    "number-edges": report([
        flow("192.0.2.1", peer_port=port, amounts=(edge % 2**32, edge, 0, edge, 0))
        for port, edge in enumerate([0, 1, 23, 24, 255, 256, 65535, 65536, U32, U32 + 1])
    ]),
    "texts-in-utf-8": report(sections={"system": {
        "os": "RTOS µ 1", "hardware": "板 Я \U0001F4E1", "module_version": "v" * 64}}),
    "texts-all-unknown": report(sections={"system": {}}),
    "system-identity": report(sections={"system": {
        "firmware_version": "1.4.2", "sbom": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
        "firmware_sha256": bytes(range(200, 232)).hex(),
        "hardening": {"stack_protector": True, "memory_protection": False,
                      "stack_checking": True}}}),
    "system-hardening-all-off": report(sections={"system": {
        "hardening": dict.fromkeys(HARDENING, False)}}),
    "window-that-waited": report([flow("192.0.2.1", peer_port=80, last_ms=719000)], sequence=9,
                                 window_start_ms=2**32 + 5, window_ms=720000, intervals=12,
                                 built_ms=2**32 + 900000),
    "window-part-0-of-2": report([flow("192.0.2.1", peer_port=80)], sequence=4, has_more=True,
                                 sections=counters(22, 22, 0, 0, 0, 0)),
    "window-part-1-of-2": report([flow("192.0.2.2", peer_port=80)], sequence=5, part=1),
    "flows-3": report([flow("192.0.2.1", peer_port=port) for port in (1, 2, 3)]),
    "flows-30": report([flow("192.0.2.1", peer_port=port) for port in range(1, 31)]),
}


def replaced(pairs, key, value):
    return Pairs((k, value(v) if k == key else v) for k, v in pairs)


def later_keys():
    pairs = report_pairs(EVERY_SECTION)
    pairs = replaced(pairs, 3, lambda row: row + ["more"])
    pairs = replaced(pairs, 8, lambda row: row + [1, [2, Pairs([(0, True)])]])
    pairs = replaced(pairs, 10, lambda heartbeat: Pairs(heartbeat + [(3, 1), (9, b"\x00\xff")]))
    pairs = replaced(pairs, 11, lambda system: Pairs(system + [(8, "SBOM"), (9, [])]))
    nest = []
    for _ in range(7):
        nest = [nest]
    pairs += [(23, nest), (200, False), (U32, Pairs([(1, "a"), (2, Pairs())]))]
    return Pairs(pairs)


def later_rows():
    pairs = report_pairs(EVERY_SECTION)

    def remainder(row):
        longer = [6]
        for at in range(1, 21, 5):
            longer += row[at:at + 5] + [99]
        return longer + [1, 2, 3, 4, 5, "another class"]

    pairs = replaced(pairs, 9, remainder)
    return replaced(pairs, 12, lambda row: [12] + row[1:] + [Pairs([(7, [1, 2])]), "name"])


def later_facts():
    pairs = Pairs()
    for key, row in report_pairs(EVERY_FACT):
        if key > 12:
            items = [row[at:at + row[0]] + [[key]] for at in range(1, len(row), row[0])]
            row = [row[0] + 1] + sum(items, [])
        pairs.append((key, row))
    return pairs


# Later additions: they mean what they mean without them, and can't be encoded again.
LATER = {
    "later-keys": (EVERY_SECTION, later_keys()),
    "later-rows": (EVERY_SECTION, later_rows()),
    "later-facts": (EVERY_FACT, later_facts()),
    "later-sections-without-records": (GOOD["minimal"], Pairs(
        report_pairs(GOOD["minimal"]) + [(section_number(name), [STRIDES[name]])
                                         for name in SECTIONS])),
}


# Bad ones: name → (status, item or bytes; At() marks the place, or an offset is given).

def with_key(key, value, base=None):
    return replaced(report_pairs(base or GOOD["every-section"]), key, lambda _: value)


def without_key(key):
    """The next key is where a reader notices."""
    pairs = [pair for pair in report_pairs(GOOD["minimal"]) if pair[0] != key]
    after = next(i for i, pair in enumerate(pairs) if pair[0] > key)
    pairs[after] = (At(pairs[after][0]), pairs[after][1])
    return Pairs(pairs)


def with_flow(items):
    return with_key(12, [10, *items])


def changed_flow(index, value, **terms):
    items = flow_items(flow("198.51.100.7", **terms))
    items[index] = value(items[index]) if callable(value) else value
    return with_flow(items)


def changed_fact(section, index, value):
    """The section's first record, with one item changed."""
    items = FACT_ITEMS[section](EVERY_FACT[section][0])
    items[index] = value(items[index]) if callable(value) else value
    return with_key(section_number(section), [STRIDES[section], *items], EVERY_FACT)


def raw(item):
    encoder = Encoder()
    encoder.put(item)
    return bytes(encoder.out)


def deepest_marked(levels):
    item = At([])
    for _ in range(levels - 1):
        item = [item]
    return item


EVERY = raw(report_pairs(EVERY_SECTION))
MINIMAL = raw(report_pairs(GOOD["minimal"]))
TRAIT_FLOW = {"peer_port": 443}

BAD = {
    "empty": ("TRUNCATED", At(Raw(b""))),
    "foreign-json": ("MALFORMED", At(Raw(b'{"boot": 1}'))),
    "foreign-text": ("MALFORMED", At(Raw(b"GET / HTTP/1.1\r\n\r\n"))),
    "version-2": ("VERSION", with_key(0, At(2))),
    "version-2-unreadable": ("VERSION", [Raw(b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff\x00"),
                                         At(2), Raw(b"\xff\xff\x1c")]),
    "version-not-first": ("MALFORMED", without_key(0)),
    "version-a-text": ("MALFORMED", with_key(0, At("1"))),
    "cut-in-a-number": ("TRUNCATED", [Raw(EVERY[:EVERY.index(b"\x1b\x00\x00\x01\x9b")]),
                                      At(Raw(b"\x1b\x00\x00\x01"))]),
    "cut-between-items": ("TRUNCATED", [Raw(MINIMAL[:-3]), At(Raw(b""))]),
    "cut-in-a-text": ("TRUNCATED", [Raw(EVERY[:EVERY.index(b"\x65" b"1.4.2")]),
                                    At(Raw(b"\x65" b"1.4"))]),
    "bytes-behind": ("MALFORMED", [Raw(MINIMAL), At(0)]),
    "not-shortest": ("MALFORMED", with_key(1, At(Raw(b"\x18\x01")))),
    "indefinite-array": ("MALFORMED", with_key(12, At(Raw(b"\x9f\x0a\xff")))),
    "negative-number": ("MALFORMED", with_key(2, At(Raw(b"\x20")))),
    "float": ("MALFORMED", with_key(4, At(Raw(b"\xfb\x40\xed\x4c\x00\x00\x00\x00\x00")))),
    "null": ("MALFORMED", with_key(6, At(Raw(b"\xf6")))),
    "tag": ("MALFORMED", with_key(7, At(Raw(b"\xc1\x00")))),
    "has-more-a-number": ("MALFORMED", with_key(6, At(1))),
    "key-out-of-order": ("MALFORMED", Pairs(report_pairs(GOOD["minimal"]) + [(At(7), 0)])),
    "key-repeated": ("MALFORMED", Pairs(report_pairs(GOOD["minimal"]) + [(At(12), [10])])),
    "key-too-large": ("LIMIT", Pairs(report_pairs(GOOD["minimal"]) + [(At(2**32), 0)])),
    "key-a-text": ("MALFORMED", Pairs(report_pairs(GOOD["minimal"]) + [(At("a"), 0)])),
    "inner-key-repeated": ("MALFORMED", Pairs(report_pairs(GOOD["minimal"])
                                              + [(23, Pairs([(1, 0), (At(1), 0)]))])),
    "boot-missing": ("MALFORMED", without_key(1)),
    "has-more-missing": ("MALFORMED", without_key(6)),
    "flows-missing": ("MALFORMED", [Raw(raw(Pairs(report_pairs(GOOD["minimal"])[:-1]))),
                                    At(Raw(b""))]),
    "boot-too-large": ("LIMIT", with_key(1, At(2**32))),
    "sequence-zero": ("LIMIT", with_key(2, At(0))),
    "window-too-short": ("MALFORMED", with_key(3, At([0, 60000]))),
    "window-over-31-days": ("LIMIT", with_key(3, [0, At(2678400001), 1])),
    "window-without-intervals": ("LIMIT", with_key(3, [0, 60000, At(0)])),
    "built-before-window-ended": ("MALFORMED", with_key(4, At(419999))),
    "facts-in-a-later-part": ("MALFORMED", Pairs(
        (At(k) if k == 8 else k, 1 if k == 5 else v) for k, v in report_pairs(EVERY_SECTION))),
    "counters-do-not-add-up": ("MALFORMED", with_key(8, At([31, 11, 12, 3, 4, 0]))),
    "counters-overflow": ("MALFORMED", with_key(8, At([1, U64, 2, 0, 0, 0]))),
    "counters-too-short": ("MALFORMED", with_key(8, At([0, 0, 0, 0, 0]))),
    "remainder-classes-missing": ("MALFORMED", with_key(9, At([5] + [0] * 15))),
    "remainder-items-zero": ("MALFORMED", with_key(9, [At(0)] + [0] * 20)),
    "heartbeat-incomplete": ("MALFORMED", with_key(10, At(Pairs([(0, 60000), (1, 1)])))),
    "heartbeat-wrong-key": ("MALFORMED", with_key(10, Pairs([(0, 60000), (1, 1), (At(3), 1)]))),
    "heartbeat-interval-too-long": ("LIMIT", with_key(10, Pairs(
        [(0, At(86400001)), (1, 1), (2, 1)]))),
    "heartbeat-interval-too-short": ("LIMIT", with_key(10, Pairs(
        [(0, At(999)), (1, 1), (2, 1)]))),
    "text-empty": ("LIMIT", with_key(11, Pairs([(0, At(""))]))),
    "system-sbom-too-long": ("LIMIT", with_key(11, Pairs([(5, At("s" * 65))]))),
    "system-firmware-sha256-short": ("MALFORMED", with_key(11, Pairs([(6, At(b"\0" * 31))]))),
    "system-firmware-sha256-a-text": ("MALFORMED", with_key(11, Pairs([(6, At("0" * 32))]))),
    "system-hardening-on-but-not-known": ("MALFORMED", with_key(11, Pairs([(7, At(0x0102))]))),
    "system-hardening-beyond-16-bits": ("LIMIT", with_key(11, Pairs([(7, At(0x10000))]))),
    "text-too-long": ("LIMIT", with_key(11, Pairs([(0, At("v" * 65))]))),
    "text-not-utf-8": ("MALFORMED", with_key(11, Pairs([(0, At(Raw(b"\x62\xc3\x28")))]))),
    "text-surrogate": ("MALFORMED", with_key(11, Pairs([(0, At(Raw(b"\x63\xed\xa0\x80")))]))),
    "text-with-escape": ("MALFORMED", with_key(11, Pairs([(0, At("\x1b[2J"))]))),
    "text-with-delete": ("MALFORMED", with_key(11, Pairs([(0, At("a\x7f"))]))),
    "text-with-c1-control": ("MALFORMED", with_key(11, Pairs([(0, At("a\u009b2J"))]))),
    "count-a-lie": ("TRUNCATED", with_key(12, At(Raw(b"\x9a\xff\xff\xff\xff\x0a")))),
    "nested-too-deep": ("LIMIT", Pairs(report_pairs(GOOD["minimal"])
                                       + [(23, deepest_marked(9))])),
    "flows-empty-row": ("MALFORMED", with_key(12, At([]))),
    "flows-of-nine-items": ("MALFORMED", with_key(
        12, [At(9)] + flow_items(flow("198.51.100.7", **TRAIT_FLOW))[:9])),
    "flows-not-whole": ("MALFORMED", with_key(
        12, At([10] + flow_items(flow("198.51.100.7", **TRAIT_FLOW)) + [0]))),
    "flow-unknown-trait": ("MALFORMED", changed_flow(0, lambda t: At(t | 1 << 10), **TRAIT_FLOW)),
    "flow-trait-beyond-32-bits": ("MALFORMED",
                                  changed_flow(0, lambda t: At(t | 1 << 40), **TRAIT_FLOW)),
    "flow-direction-3": ("MALFORMED", changed_flow(0, lambda t: At(t | 3), **TRAIT_FLOW)),
    "flow-outbound-local-port": ("MALFORMED",
                                 changed_flow(0, lambda t: At(t | 4), **TRAIT_FLOW)),
    "flow-inbound-peer-port": ("MALFORMED", changed_flow(0, lambda t: At(t | 1), **TRAIT_FLOW)),
    "flow-side-of-no-port": ("MALFORMED", changed_flow(0, lambda t: At(t | 4), protocol="icmp")),
    "flow-side-of-two-ports": ("MALFORMED", changed_flow(
        0, lambda t: At(t | 4), local="10.0.0.2", peer_port=443, local_port=49152)),
    "flow-folded-bad-length": ("MALFORMED", changed_flow(0, lambda t: At(t | 3 << 6))),
    "flow-protocol-256": ("LIMIT", changed_flow(1, At(256), **TRAIT_FLOW)),
    "flow-endpoint-5": ("MALFORMED", changed_flow(2, lambda e: At(e[:5]), **TRAIT_FLOW)),
    "flow-endpoint-0": ("MALFORMED", changed_flow(2, At(b""), **TRAIT_FLOW)),
    "flow-endpoint-40": ("MALFORMED", changed_flow(2, At(bytes(40)), **TRAIT_FLOW)),
    "flow-connections-too-many": ("LIMIT", changed_flow(3, At(2**32), **TRAIT_FLOW)),
    "flow-begins-after-window": ("MALFORMED", changed_flow(8, At(60001), **TRAIT_FLOW)),
    "flow-ends-after-window": ("MALFORMED", with_flow(
        flow_items(flow("198.51.100.7", **TRAIT_FLOW))[:8] + [At(1000), 59001])),
    "flow-duration-overflows": ("MALFORMED", with_flow(
        flow_items(flow("198.51.100.7", **TRAIT_FLOW))[:8] + [At(2), U32])),
    "section-empty-row": ("MALFORMED", with_key(13, At([]), EVERY_FACT)),
    "section-a-map": ("MALFORMED", with_key(18, At(Pairs([(0, 1)])), EVERY_FACT)),
    "section-before-flows": ("MALFORMED", Pairs(
        [pair for pair in report_pairs(GOOD["minimal"]) if pair[0] != 12]
        + [(At(13), [2]), (12, [10])])),
    "section-repeated": ("MALFORMED", Pairs(report_pairs(EVERY_FACT) + [(At(22), [7])])),
    "section-out-of-order": ("MALFORMED", Pairs(
        report_pairs(GOOD["minimal"]) + [(15, [2]), (At(14), [6])])),
    "section-record-too-short": ("MALFORMED", with_key(16, [At(3), 1, 0, 0], EVERY_FACT)),
    "section-not-whole": ("MALFORMED", with_key(18, At([2, "battery_mv", 1, "x"]), EVERY_FACT)),
    "section-count-a-lie": ("TRUNCATED", with_key(20, At(Raw(b"\x9a\xff\xff\xff\xff\x02")),
                                                  EVERY_FACT)),
    "section-later-item-malformed": ("MALFORMED", with_key(
        18, [3, "battery_mv", 1, At(Raw(b"\xf6"))], EVERY_FACT)),
    "name-empty": ("LIMIT", changed_fact("names", 0, At(""))),
    "name-too-long": ("LIMIT", changed_fact("names", 0, At("n" * 254))),
    "name-with-a-capital": ("MALFORMED", changed_fact("names", 0, At("broker.Example.com"))),
    "name-with-a-blank": ("MALFORMED", changed_fact("names", 0, At("broker example.com"))),
    "name-with-escape": ("MALFORMED", changed_fact("names", 0, At("\x1b[2J"))),
    "name-with-delete": ("MALFORMED", changed_fact("names", 0, At("broker\x7f"))),
    "name-not-ascii": ("MALFORMED", changed_fact("names", 0, At("bröker.example.com"))),
    "name-bytes": ("MALFORMED", changed_fact("names", 0, At(b"broker.example.com"))),
    "name-address-5": ("MALFORMED", changed_fact("names", 1, lambda a: At(a + b"\0"))),
    "name-address-17": ("MALFORMED", changed_fact("names", 1, At(bytes(17)))),
    "name-address-64": ("MALFORMED", changed_fact("names", 1, At(bytes(64)))),
    "name-address-with-port": ("MALFORMED", changed_fact("names", 1, lambda a: At(a + b"\0\0"))),
    "tls-unknown-trait": ("MALFORMED", changed_fact("tls", 0, At(1 << 3))),
    "tls-trait-beyond-32-bits": ("MALFORMED", changed_fact("tls", 0, At(1 << 40))),
    "tls-direction-3": ("MALFORMED", changed_fact("tls", 0, At(3))),
    "tls-peer-without-port": ("MALFORMED", changed_fact("tls", 1, lambda e: At(e[:4]))),
    "tls-peer-19": ("MALFORMED", changed_fact("tls", 1, At(bytes(19)))),
    "tls-port-without-peer": ("MALFORMED", changed_fact("tls", 1, lambda e: At(e[4:]))),
    "tls-version-beyond-16-bits": ("LIMIT", changed_fact("tls", 2, At(2**16))),
    "tls-cipher-suite-beyond-16-bits": ("LIMIT", changed_fact("tls", 3, At(2**16))),
    "tls-certificate-31": ("MALFORMED", changed_fact("tls", 4, At(bytes(31)))),
    "tls-certificate-33": ("MALFORMED", changed_fact("tls", 4, At(bytes(33)))),
    "tls-certificate-not-seen": ("MALFORMED", with_key(14, [
        6, 0, packed("192.0.2.9") + b"\x01\xbb", 0, 0, At(bytes(32)), ""], EVERY_FACT)),
    "tls-server-name-too-long": ("LIMIT", changed_fact("tls", 5, At("s" * 254))),
    "tls-server-name-with-a-capital": ("MALFORMED", changed_fact("tls", 5, At("Broker"))),
    "listener-protocol-1": ("MALFORMED", changed_fact("listeners", 0, At(1))),
    "listener-protocol-256": ("LIMIT", changed_fact("listeners", 0, At(256))),
    "listener-without-port": ("MALFORMED", changed_fact("listeners", 1, At(b""))),
    "listener-endpoint-1": ("MALFORMED", changed_fact("listeners", 1, At(bytes(1)))),
    "listener-endpoint-36": ("MALFORMED", changed_fact("listeners", 1, At(bytes(36)))),
    "listener-endpoint-4": ("MALFORMED", changed_fact("listeners", 1, At(bytes(4)))),
    "start-cause-7": ("LIMIT", changed_fact("starts", 0, At(7))),
    "start-fault-code-too-large": ("LIMIT", changed_fact("starts", 1, At(2**32))),
    "start-count-too-large": ("LIMIT", changed_fact("starts", 3, At(2**32))),
    "event-name-empty": ("LIMIT", changed_fact("events", 0, At(""))),
    "event-name-too-long": ("LIMIT", changed_fact("events", 0, At("e" * 65))),
    "event-text-too-long": ("LIMIT", changed_fact("events", 1, At("e" * 65))),
    "event-text-with-line-end": ("MALFORMED", changed_fact("events", 1, At("a\nb"))),
    "event-text-not-utf-8": ("MALFORMED", changed_fact("events", 1, At(Raw(b"\x61\xff")))),
    "event-count-too-large": ("LIMIT", changed_fact("events", 2, At(2**32))),
    "event-begins-after-window": ("MALFORMED", changed_fact("events", 3, At(60001))),
    "event-ends-after-window": ("MALFORMED", with_key(17, [5, "e", "", 1, At(1000), 59001],
                                                      EVERY_FACT)),
    "event-duration-overflows": ("MALFORMED", with_key(17, [5, "e", "", 1, At(2), U32],
                                                       EVERY_FACT)),
    "metric-name-too-long": ("LIMIT", changed_fact("metrics", 0, At("m" * 65))),
    "metric-a-text": ("MALFORMED", changed_fact("metrics", 1, At("3312"))),
    "icmp-of-no-flow": ("MALFORMED", changed_fact("icmp", 0, At(3))),
    "icmp-of-a-flow-beyond-32-bits": ("MALFORMED", changed_fact("icmp", 0, At(2**32))),
    "icmp-type-256": ("LIMIT", changed_fact("icmp", 1, At(256))),
    "icmp-code-256": ("LIMIT", changed_fact("icmp", 2, At(256))),
    "icmp-bytes-too-many": ("LIMIT", changed_fact("icmp", 3, At(2**32))),
    "lost-section-256": ("LIMIT", changed_fact("lost", 0, At(256))),
    "lost-too-many": ("LIMIT", changed_fact("lost", 1, At(2**32))),
    "verdict-unknown-trait": ("MALFORMED", changed_fact("verdicts", 0, lambda t: At(t | 1 << 4))),
    "verdict-trait-beyond-32-bits": ("MALFORMED",
                                     changed_fact("verdicts", 0, lambda t: At(t | 1 << 40))),
    "verdict-direction-3": ("MALFORMED", changed_fact("verdicts", 0, lambda t: At(t | 3))),
    "verdict-without-cause": ("MALFORMED", changed_fact("verdicts", 0, At(0))),
    "verdict-protocol-256": ("LIMIT", changed_fact("verdicts", 1, At(256))),
    "verdict-peer-0": ("MALFORMED", changed_fact("verdicts", 2, At(b""))),
    "verdict-peer-2": ("MALFORMED", changed_fact("verdicts", 2, lambda e: At(e[4:]))),
    "verdict-peer-5": ("MALFORMED", changed_fact("verdicts", 2, lambda e: At(e[:5]))),
    "verdict-peer-17": ("MALFORMED", changed_fact("verdicts", 2, At(bytes(17)))),
    "verdict-peer-20": ("MALFORMED", changed_fact("verdicts", 2, At(bytes(20)))),
    "verdict-rule-256": ("LIMIT", changed_fact("verdicts", 3, At(256))),
    "verdict-rule-not-the-cause": ("MALFORMED", with_key(21, [
        7, 2 << 2, 6, packed("203.0.113.9"), At(1), 7, 3, 3], EVERY_FACT)),
    "verdict-revision-0": ("LIMIT", changed_fact("verdicts", 4, At(0))),
    "verdict-revision-too-large": ("LIMIT", changed_fact("verdicts", 4, At(2**32))),
    "verdict-without-packets": ("LIMIT", changed_fact("verdicts", 5, At(0))),
    "verdict-packets-too-many": ("LIMIT", changed_fact("verdicts", 5, At(2**32))),
    "verdict-more-blocked-than-packets": ("MALFORMED", changed_fact("verdicts", 6, At(4))),
    "verdict-blocked-too-many": ("LIMIT", changed_fact("verdicts", 6, At(2**32))),
    "settings-kind-4": ("LIMIT", changed_fact("settings", 0, At(4))),
    "settings-revision-too-large": ("LIMIT", changed_fact("settings", 1, At(2**32))),
    "settings-state-4": ("LIMIT", changed_fact("settings", 2, At(4))),
    "settings-mode-3": ("LIMIT", changed_fact("settings", 3, At(3))),
    "settings-mode-of-a-configuration": ("MALFORMED", with_key(
        22, [7, 2, 1, 3, At(1), 0, 0, 0], EVERY_FACT)),
    "settings-refusal-256": ("LIMIT", changed_fact("settings", 4, At(256))),
    "settings-refused-revision-too-large": ("LIMIT", changed_fact("settings", 5, At(2**32))),
    "settings-detail-too-large": ("LIMIT", changed_fact("settings", 6, At(2**32))),
}


def write(folder, name, octets, meaning):
    text = octets.hex()
    lines = [text[i:i + 64] for i in range(0, len(text), 64)]
    (folder / f"{name}.hex").write_text("".join(line + "\n" for line in lines))
    (folder / f"{name}.json").write_text(
        json.dumps(meaning, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(exist_ok=True)
    for old in [*folder.glob("*.hex"), *folder.glob("*.json")]:
        old.unlink()
    for name, meaning in GOOD.items():
        write(folder, name, raw(report_pairs(meaning)), meaning)
    for name, (meaning, item) in LATER.items():
        write(folder, name, raw(item), meaning)
    for name, (status, item) in BAD.items():
        encoder = Encoder()
        for piece in item if type(item) is list else [item]:
            encoder.put(piece)
        write(folder, f"bad-{name}", bytes(encoder.out),
              {"status": f"PICKET_E_{status}", "offset": encoder.mark})


if __name__ == "__main__":
    main()
