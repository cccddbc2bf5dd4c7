#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes spec/vectors/settings/ and spec/vectors/envelopes/, as make_report_vectors.py does reports.

What a policy says of an activity is written down by hand. Envelopes are signed with the openssl
program and the keys below, which are published and for tests alone; a signature that is there and
still good is kept, since those of ES256 differ each time.

    tools/make_settings_vectors.py [FOLDER]
"""
import ipaddress
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

from make_report_vectors import At, Encoder, FOLDER, Pairs, Raw, U32, U64, raw, write

DIRECTIONS = ["outbound", "inbound", "either"]
KINDS = ["policy", "configuration", "indicators"]
MODES = ["observe", "alert", "enforce"]
VALUES = ["high_interval_ms", "interval_ms", "low_interval_ms", "collectors", "exact_flows",
          "ipv4_flows", "ipv6_flows", "facts_bytes"]  # from key 16
ANY_PORTS = (0, 65535)
TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58


class Strings(list):
    """A byte string of pieces, of which At() marks one."""


class SettingsEncoder(Encoder):
    def put(self, item):
        if isinstance(item, Strings):
            pieces = [piece.item if isinstance(piece, At) else piece for piece in item]
            self.head(2, sum(map(len, pieces)))
            for piece, octets in zip(item, pieces):
                super().put(At(Raw(octets)) if isinstance(piece, At) else Raw(octets))
        else:
            super().put(item)


# The filter: made by peeling, as in Graf and Lemire.

HASH_KEY = 0x9E3779B9


def mix(state, a, b):
    return (state & U32 ^ a) * (state >> 32 ^ b)


def sixteen_bytes(address):
    address = ipaddress.ip_address(address)
    return (bytes(10) + b"\xff\xff" if address.version == 4 else b"") + address.packed


def hash_of(address, seed):
    words = struct.unpack(">4I", sixteen_bytes(address))
    state = mix(seed, words[0] ^ HASH_KEY, words[1] ^ HASH_KEY)
    return mix(mix(state, words[2], words[3]), HASH_KEY, HASH_KEY)


def both_of(code):
    """The halves of a hash, combined."""
    return (code ^ code >> 32) & U32


def slots(address, seed, length, count):
    code = hash_of(address, seed)
    first = both_of(code) * length * count >> 32
    return ((first, first + length ^ (code & U32) >> 14 & length - 1,
             first + 2 * length ^ both_of(code) & length - 1), code >> 32 & 0xFF)


def filter_of(addresses, length, count, seed=1):
    """Tries seeds until each address can be peeled."""
    found = {address: slots(address, seed, length, count) for address in addresses}
    users = {}
    for address, (places, _) in found.items():
        for place in places:
            users.setdefault(place, set()).add(address)
    order, single = [], [place for place, those in users.items() if len(those) == 1]
    while single:
        place = single.pop()
        if len(users[place]) != 1:
            continue
        address, = users[place]
        order.append((address, place))
        for other in found[address][0]:
            users[other].remove(address)
            if len(users[other]) == 1:
                single.append(other)
    if len(order) < len(addresses):
        return filter_of(addresses, length, count, seed + 0x9E3779B97F4A7C15 & U64)
    fingerprints = bytearray((count + 2) * length)
    for address, place in reversed(order):
        places, fingerprint = found[address]
        for other in places:
            fingerprint ^= fingerprints[other] if other != place else 0
        fingerprints[place] = fingerprint
    return {"seed": seed, "segment_length": length, "segment_count": count,
            "fingerprints": fingerprints.hex()}


# Good ones: what they mean, in the order of the JSON.

def rule(verdict, direction, protocol, prefix, ports=ANY_PORTS):
    result = {"verdict": verdict, "direction": direction}
    if protocol is not None:
        result["protocol"] = protocol
    return {**result, "prefix": str(ipaddress.ip_network(prefix)), "first_port": ports[0],
            "last_port": ports[1]}


def rule_bytes(rule):
    network = ipaddress.ip_network(rule["prefix"])
    traits = (rule["verdict"] == "deny") | DIRECTIONS.index(rule["direction"]) << 1
    traits |= ("protocol" not in rule) << 3
    return (bytes([traits, rule.get("protocol", 0), network.prefixlen])
            + network.network_address.packed + rule["first_port"].to_bytes(2, "big")
            + rule["last_port"].to_bytes(2, "big"))


def activity(direction, protocol, peer, cause, rule=None, ports=None):
    """@p ports: the peer's and the device's own."""
    result = {"direction": direction, "protocol": protocol, "peer": peer}
    if ports is not None:
        result.update(peer_port=ports[0], local_port=ports[1])
    return {**result, "cause": cause, **({} if rule is None else {"rule": rule})}


def policy(ipv4_rules=(), ipv6_rules=(), judgements=(), filter=None, revision=7,
           audience="cameras", mode="alert", trial_ms=0, denies_others=True):
    result = {"version": 1, "kind": "policy", "revision": revision, "audience": audience,
              "mode": mode, "trial_ms": trial_ms, "denies_others": denies_others,
              "ipv4_rules": list(ipv4_rules), "ipv6_rules": list(ipv6_rules)}
    if filter is not None:
        result["filter"] = filter
    return {**result, "judgements": list(judgements)}


def configuration(revision=2, audience="cameras", **values):
    return {"version": 1, "kind": "configuration", "revision": revision, "audience": audience,
            **values}


def shard_of(address, count):
    """The highest bits of a hash with seed 0."""
    return both_of(hash_of(address, 0)) * count >> 32


def indicators(addresses, shard=0, shard_count=1, listed=(), unlisted=(), length=16, count=3,
               revision=9, audience="cameras"):
    """@p addresses: of which those of the shard are taken."""
    mine = [address for address in addresses if shard_of(address, shard_count) == shard]
    return {"version": 1, "kind": "indicators", "revision": revision, "audience": audience,
            "shard": shard, "shard_count": shard_count, "filter": filter_of(mine, length, count),
            "listed": list(listed), "unlisted": list(unlisted)}


def filter_item(terms):
    return [terms["seed"], terms["segment_length"], bytes.fromhex(terms["fingerprints"])]


def delta_bytes(addresses):
    return b"".join(map(sixteen_bytes, addresses))


def settings_pairs(settings):
    pairs = Pairs([(0, settings["version"]),
                   (1, KINDS.index(settings["kind"]) + 1),
                   (2, settings["revision"]), (3, settings["audience"])])
    if settings["kind"] == "configuration":
        return Pairs(pairs + [(16 + place, settings[name]) for place, name in enumerate(VALUES)
                              if name in settings])
    if settings["kind"] == "indicators":
        return Pairs(pairs + [(4, settings["shard"]), (5, settings["shard_count"]),
                              (6, filter_item(settings["filter"])),
                              (7, delta_bytes(settings["listed"])),
                              (8, delta_bytes(settings["unlisted"]))])
    pairs += [(4, MODES.index(settings["mode"])), (5, settings["trial_ms"]),
              (6, settings["denies_others"])]
    for key, name in (7, "ipv4_rules"), (8, "ipv6_rules"):
        pairs.append((key, b"".join(map(rule_bytes, settings[name]))))
    if "filter" in settings:
        pairs.append((9, filter_item(settings["filter"])))
    return pairs


ONE_RULE = policy(
    [rule("allow", "outbound", TCP, "198.51.100.0/24", (443, 443))],
    judgements=[
        activity("outbound", TCP, "198.51.100.7", "none", ports=(443, 40000)),
        activity("outbound", TCP, "198.51.100.255", "none", ports=(443, 40000)),
        activity("outbound", TCP, "198.51.101.0", "others", ports=(443, 40000)),
        activity("outbound", TCP, "198.51.100.7", "others", ports=(80, 443)),
        activity("outbound", UDP, "198.51.100.7", "others", ports=(443, 40000)),
        activity("inbound", TCP, "198.51.100.7", "others", ports=(443, 443)),
        activity("unknown", TCP, "198.51.100.7", "none", ports=(443, 40000)),
        activity("outbound", TCP, "198.51.100.7", "others"),
        activity("outbound", TCP, "::ffff:c633:6407", "others", ports=(443, 40000)),
    ])

EVERY_RULE = policy(
    [
        rule("deny", "either", None, "203.0.113.128/25"),
        rule("allow", "outbound", TCP, "203.0.113.0/24", (443, 445)),
        rule("allow", "inbound", TCP, "10.0.0.0/9", (22, 22)),
        rule("deny", "outbound", None, "10.0.0.0/8"),
        rule("allow", "either", ICMP, "0.0.0.0/0"),
        rule("allow", "either", UDP, "192.0.2.53/32", (53, 53)),
        rule("allow", "either", 47, "192.0.2.0/31", (0, 65534)),
        rule("allow", "inbound", 0, "192.0.2.128/26"),
        rule("deny", "inbound", 255, "192.0.2.192/27", (65535, 65535)),
    ], [
        rule("allow", "outbound", TCP, "2001:db8::/33", (8883, 8883)),
        rule("deny", "either", ICMPV6, "fe80::1/128"),
        rule("allow", "either", ICMPV6, "fe80::/10"),
        rule("deny", "outbound", None, "::/0", (1, 1023)),
    ], [
        activity("outbound", TCP, "203.0.113.127", "none", ports=(443, 1)),
        activity("outbound", TCP, "203.0.113.128", "rule", 0, ports=(443, 1)),
        activity("unknown", ICMP, "203.0.113.255", "rule", 0),
        activity("outbound", TCP, "203.0.113.1", "none", ports=(445, 1)),
        activity("outbound", TCP, "203.0.113.1", "others", ports=(446, 445)),
        activity("inbound", TCP, "10.127.255.255", "none", ports=(40000, 22)),
        activity("inbound", TCP, "10.128.0.0", "others", ports=(40000, 22)),
        activity("inbound", TCP, "10.1.2.3", "others", ports=(22, 40000)),
        activity("outbound", TCP, "10.1.2.3", "rule", 3, ports=(40000, 22)),
        activity("unknown", TCP, "10.1.2.3", "none", ports=(40000, 22)),
        activity("unknown", TCP, "10.1.2.3", "rule", 3, ports=(40000, 23)),
        activity("outbound", ICMP, "10.1.2.3", "rule", 3),
        activity("inbound", ICMP, "10.1.2.3", "none"),
        activity("unknown", ICMP, "255.255.255.255", "none"),
        activity("inbound", UDP, "192.0.2.53", "others", ports=(53, 54)),
        activity("unknown", UDP, "192.0.2.53", "none", ports=(54, 53)),
        activity("outbound", 47, "192.0.2.1", "others"),
        activity("inbound", 0, "192.0.2.191", "none"),
        activity("inbound", 255, "192.0.2.192", "rule", 8, ports=(0, 65535)),
        activity("inbound", 255, "192.0.2.192", "others"),
        activity("unknown", 255, "192.0.2.192", "others", ports=(0, 65535)),
        activity("outbound", TCP, "2001:db8:7fff::1", "none", ports=(8883, 1)),
        activity("outbound", TCP, "2001:db8:8000::1", "others", ports=(8883, 1)),
        activity("inbound", ICMPV6, "fe80::1", "rule", 1),
        activity("inbound", ICMPV6, "fe80::2", "none"),
        activity("inbound", ICMPV6, "febf::2", "none"),
        activity("inbound", ICMPV6, "fec0::2", "others"),
        activity("outbound", UDP, "2001:db8::1", "rule", 3, ports=(1023, 5000)),
        activity("unknown", UDP, "2001:db8::1", "rule", 3, ports=(1, 5000)),
        activity("outbound", UDP, "2001:db8::1", "others", ports=(1024, 5000)),
        activity("outbound", ICMPV6, "2001:db8::1", "others"),
    ], mode="enforce", trial_ms=600000)

LISTED = ([f"203.0.113.{number}" for number in range(30)]
          + [f"2001:db8:bad::{number:x}" for number in range(1, 31)])

FILTER = policy(
    [rule("deny", "either", None, "203.0.113.0/29")], [],
    [activity("outbound", TCP, peer, "rule" if place < 8 else "indicator",
              0 if place < 8 else None, ports=(443, 40000))
     for place, peer in enumerate(LISTED)]
    + [activity("unknown", ICMPV6, "::ffff:203.0.113.7", "indicator")]
    + [activity("inbound", UDP, f"192.0.2.{number}", "none", ports=(7, 7))
       for number in range(20)],
    filter_of(LISTED, 16, 5), denies_others=False, mode="enforce")

INDICATORS = indicators(LISTED, 2, 4, ["192.0.2.1", "192.0.2.2", "2001:db8::1"],
                        [LISTED[-1]])

GOOD = {
    "one-rule": ONE_RULE,
    "no-rules": policy(judgements=[activity("outbound", TCP, "192.0.2.1", "others"),
                                   activity("inbound", UDP, "::1", "others", ports=(1, 1))]),
    "no-rules-others-allowed": policy(denies_others=False, mode="observe", judgements=[
        activity("outbound", TCP, "192.0.2.1", "none"), activity("unknown", 0, "::", "none")]),
    "every-rule": EVERY_RULE,
    "most-rules": policy(
        [rule("deny", "either", UDP, f"10.0.{n}.0/24", (n, n)) for n in range(256)],
        [rule("deny", "either", UDP, f"fd00:{n:x}::/32", (n, n)) for n in range(256)],
        [activity("outbound", UDP, "10.0.255.9", "rule", 255, ports=(255, 1)),
         activity("inbound", UDP, "fd00:ff::9", "rule", 255, ports=(1, 255)),
         activity("inbound", UDP, "fd00:fe::9", "others", ports=(1, 255))]),
    "filter": FILTER,
    "filter-smallest": policy(
        filter=filter_of(["198.51.100.7"], 1, 1), denies_others=False, judgements=[
            activity("outbound", TCP, "198.51.100.7", "indicator", ports=(443, 1)),
            activity("outbound", TCP, "198.51.100.8", "none", ports=(443, 1))]),
    "large-numbers": policy(revision=U32, audience="~" * 64, trial_ms=86400000, mode="enforce",
                            filter={"seed": U64, "segment_length": 1024, "segment_count": 1,
                                    "fingerprints": (b"\xff" * 3072).hex()}),
    "shortest-trial": policy(trial_ms=10000, revision=1, audience="!"),
    "indicators": INDICATORS,
    "indicators-one-shard": indicators(LISTED, count=5, revision=1),
    "indicators-no-delta": indicators(LISTED, 255, 256, revision=U32),
    "indicators-most-delta": indicators(
        LISTED, 1, 2, [f"2001:db8::1:{n:x}" for n in range(1, 257)],
        [f"198.18.0.{n}" for n in range(256)], audience="~" * 64),
    "configuration-empty": configuration(),
    "configuration-every-value": configuration(**dict(zip(VALUES, (
        10000, 60000, 3600000, 0b10110101, 1, 64, 32, 2048)))),
    "configuration-least": configuration(revision=1, **dict(zip(VALUES, (
        1000, 1000, 1000, 0, 0, 0, 0, 0)))),
    "configuration-most": configuration(revision=U32, **dict(zip(VALUES, (
        86400000, 86400000, 86400000, 255, 1, U32, U32, U32)))),
    **{"configuration-" + name.replace("_", "-"): configuration(**{name: 1 if "exact" in name
                                                                   else 1000 if "ms" in name
                                                                   else 24})
       for name in VALUES},
}

LATER = {
    "later-policy": (ONE_RULE, Pairs(settings_pairs(ONE_RULE) + [
        (10, [1, Pairs([(0, True), (9, [])])]), (16, "more"), (U32, b"\0")])),
    "later-configuration": (GOOD["configuration-every-value"], Pairs(
        settings_pairs(GOOD["configuration-every-value"])[:4]
        + [(4, 3), (9, []), (15, "more")]
        + settings_pairs(GOOD["configuration-every-value"])[4:] + [(24, 1), (200, False)])),
    "later-indicators": (INDICATORS, Pairs(settings_pairs(INDICATORS) + [
        (9, [1, Pairs([(0, True)])]), (16, "more"), (U32, b"\0")])),
}


# Bad ones: name → (status, item); At() marks the place.

def changed(key, value, base=FILTER):
    return Pairs((k, value(v) if callable(value) and k == key else value if k == key else v)
                 for k, v in settings_pairs(base))


def without(key, base=ONE_RULE):
    """The next key is where a reader notices."""
    pairs = [pair for pair in settings_pairs(base) if pair[0] != key]
    after = next(i for i, pair in enumerate(pairs) if pair[0] > key)
    pairs[after] = (At(pairs[after][0]), pairs[after][1])
    return Pairs(pairs)


def with_rule(key, place, octet):
    """Behind a good rule, one with an octet changed."""
    good = rule_bytes(rule("allow", "outbound", TCP,
                           "198.51.100.0/24" if key == 7 else "2001:db8::/32", (443, 443)))
    place %= len(good)
    return changed(key, Strings([good, At(good[:place] + bytes([octet]) + good[place + 1:]), good]))


def with_filter(length, fingerprints):
    return changed(9, [1, length, fingerprints])


def valued(name, value):
    return changed(16 + VALUES.index(name), At(value), GOOD["configuration-every-value"])


def deepest_marked(levels):
    item = At([])
    for _ in range(levels - 1):
        item = [item]
    return item


ENCODED = raw(settings_pairs(ONE_RULE))
HEAD = settings_pairs(ONE_RULE)

BAD = {
    "empty": ("TRUNCATED", At(Raw(b""))),
    "foreign-json": ("MALFORMED", At(Raw(b'{"kind": 1}'))),
    "report": ("MALFORMED", Pairs([(0, 1), (1, 1), (2, 1), (3, At([0, 1, 1]))])),
    "version-2": ("VERSION", changed(0, At(2))),
    "version-2-unreadable": ("VERSION", [Raw(b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff\x00"),
                                         At(2), Raw(b"\xff\xff\x1c")]),
    "version-not-first": ("MALFORMED", without(0)),
    "version-a-text": ("MALFORMED", changed(0, At("1"))),
    "version-alone": ("MALFORMED", [Raw(b"\xa1\x00\x01"), At(Raw(b""))]),
    "kind-0": ("LIMIT", changed(1, At(0))),
    "kind-4": ("LIMIT", changed(1, At(4))),
    "kind-missing": ("MALFORMED", without(1)),
    "revision-0": ("LIMIT", changed(2, At(0))),
    "revision-too-large": ("LIMIT", changed(2, At(2**32))),
    "revision-missing": ("MALFORMED", without(2)),
    "audience-empty": ("LIMIT", changed(3, At(""))),
    "audience-too-long": ("LIMIT", changed(3, At("a" * 65))),
    "audience-with-a-capital": ("MALFORMED", changed(3, At("Cameras"))),
    "audience-with-a-blank": ("MALFORMED", changed(3, At("all cameras"))),
    "audience-not-ascii": ("MALFORMED", changed(3, At("kameras-süd"))),
    "audience-bytes": ("MALFORMED", changed(3, At(b"cameras"))),
    "audience-missing": ("MALFORMED", without(3)),
    "mode-3": ("LIMIT", changed(4, At(3))),
    "mode-missing": ("MALFORMED", without(4)),
    "trial-too-short": ("LIMIT", changed(5, At(9999))),
    "trial-too-long": ("LIMIT", changed(5, At(86400001))),
    "trial-beyond-32-bits": ("LIMIT", changed(5, At(2**32))),
    "trial-missing": ("MALFORMED", without(5)),
    "denies-others-a-number": ("MALFORMED", changed(6, At(1))),
    "denies-others-missing": ("MALFORMED", without(6)),
    "ipv4-rules-missing": ("MALFORMED", without(7)),
    "ipv6-rules-missing": ("MALFORMED", [Raw(raw(Pairs(HEAD[:-1]))), At(Raw(b""))]),
    "ipv4-rules-too-many": ("LIMIT", changed(7, At(bytes(257 * 11)))),
    "ipv6-rules-too-many": ("LIMIT", changed(8, At(bytes(257 * 23)))),
    "ipv4-rules-not-whole": ("MALFORMED", changed(7, Strings([bytes(11), At(bytes(10))]))),
    "ipv6-rules-not-whole": ("MALFORMED", changed(8, Strings([At(bytes(22))]))),
    "ipv4-rules-a-text": ("MALFORMED", changed(7, At("\0" * 11))),
    "ipv6-rules-an-array": ("MALFORMED", changed(8, At([bytes(23)]))),
    "rule-unknown-trait": ("MALFORMED", with_rule(7, 0, 1 << 4)),
    "rule-highest-trait": ("MALFORMED", with_rule(8, 0, 1 << 7)),
    "rule-direction-3": ("MALFORMED", with_rule(7, 0, 3 << 1)),
    "rule-any-protocol-that-is-one": ("MALFORMED", with_rule(8, 0, 1 << 3)),
    "rule-prefix-33": ("MALFORMED", changed(7, Strings([At(bytes([0, 6, 33]) + bytes(8))]))),
    "rule-prefix-129": ("MALFORMED", changed(8, Strings([At(bytes([0, 6, 129]) + bytes(20))]))),
    "rule-bit-behind-prefix": ("MALFORMED", with_rule(7, 6, 0x80)),
    "rule-last-bit-behind-prefix": ("MALFORMED", with_rule(8, 18, 1)),
    "rule-bit-behind-odd-prefix": ("MALFORMED", changed(
        7, Strings([At(bytes([0, 6, 9, 10, 0x40]) + bytes(6))]))),
    "rule-bit-behind-no-prefix": ("MALFORMED", changed(
        8, Strings([At(bytes([0, 6, 0, 0x80]) + bytes(19))]))),
    "rule-ports-the-wrong-way-round": ("MALFORMED", with_rule(7, -1, 0xBA)),
    "rule-ipv6-ports-the-wrong-way-round": ("MALFORMED", with_rule(8, -2, 0)),
    "filter-of-two-items": ("MALFORMED", changed(9, At([1, 1]))),
    "filter-of-four-items": ("MALFORMED", changed(9, At([1, 1, bytes(3), 0]))),
    "filter-a-map": ("MALFORMED", changed(9, At(Pairs()))),
    "filter-seed-a-text": ("MALFORMED", changed(9, [At("1"), 1, bytes(3)])),
    "filter-segment-length-0": ("MALFORMED", with_filter(At(0), bytes(3))),
    "filter-segment-length-3": ("MALFORMED", with_filter(At(3), bytes(9))),
    "filter-segment-length-too-large": ("LIMIT", with_filter(At(2**19), bytes(48))),
    "filter-empty": ("MALFORMED", with_filter(4, At(b""))),
    "filter-of-two-segments": ("MALFORMED", with_filter(4, At(bytes(8)))),
    "filter-almost-of-three-segments": ("MALFORMED", with_filter(4, At(bytes(11)))),
    "filter-segments-not-whole": ("MALFORMED", with_filter(4, At(bytes(14)))),
    "filter-fingerprints-a-text": ("MALFORMED", with_filter(1, At("abc"))),
    "filter-larger-than-the-input": ("TRUNCATED", with_filter(
        16384, At(Raw(b"\x5a\x00\x01\x00\x00")))),
    "key-out-of-order": ("MALFORMED", Pairs(settings_pairs(FILTER) + [(At(8), b"")])),
    "key-repeated": ("MALFORMED", Pairs(settings_pairs(FILTER) + [(At(9), [])])),
    "key-too-large": ("LIMIT", Pairs(HEAD + [(At(2**32), 0)])),
    "key-a-text": ("MALFORMED", Pairs(HEAD + [(At("a"), 0)])),
    "inner-key-repeated": ("MALFORMED", Pairs(HEAD + [(10, Pairs([(1, 0), (At(1), 0)]))])),
    "nested-too-deep": ("LIMIT", Pairs(HEAD + [(10, deepest_marked(9))])),
    "later-item-a-null": ("MALFORMED", Pairs(HEAD + [(10, At(Raw(b"\xf6")))])),
    "not-shortest": ("MALFORMED", changed(2, At(Raw(b"\x18\x07")))),
    "indefinite-bytes": ("MALFORMED", changed(7, At(Raw(b"\x5f\x40\xff")))),
    "negative-number": ("MALFORMED", changed(2, At(Raw(b"\x20")))),
    "float": ("MALFORMED", changed(5, At(Raw(b"\xf9\x00\x00")))),
    "tag": ("MALFORMED", changed(9, At(Raw(b"\xc1\x00")))),
    "count-a-lie": ("TRUNCATED", At(Raw(b"\xb8\xff\x00\x01"))),
    "cut-in-a-rule": ("TRUNCATED", [Raw(ENCODED[:ENCODED.index(b"\x4b\x00\x06")]),
                                    At(Raw(b"\x4b\x00\x06\x18"))]),
    "cut-between-items": ("TRUNCATED", [Raw(ENCODED[:-1]), At(Raw(b""))]),
    "bytes-behind": ("MALFORMED", [Raw(ENCODED), At(0)]),
    "interval-too-short": ("LIMIT", valued("interval_ms", 999)),
    "interval-too-long": ("LIMIT", valued("interval_ms", 86400001)),
    "interval-0": ("LIMIT", valued("high_interval_ms", 0)),
    "interval-beyond-32-bits": ("LIMIT", valued("low_interval_ms", 2**32 + 1000)),
    "collectors-256": ("LIMIT", valued("collectors", 256)),
    "exact-flows-2": ("LIMIT", valued("exact_flows", 2)),
    "exact-flows-a-boolean": ("MALFORMED", valued("exact_flows", True)),
    "ipv4-flows-beyond-32-bits": ("LIMIT", valued("ipv4_flows", 2**32)),
    "ipv6-flows-a-text": ("MALFORMED", valued("ipv6_flows", "64")),
    "facts-bytes-beyond-32-bits": ("LIMIT", valued("facts_bytes", 2**32)),
    "shard-256": ("LIMIT", changed(4, At(256), INDICATORS)),
    "shard-not-below-count": ("MALFORMED", changed(5, At(2), INDICATORS)),
    "shard-missing": ("MALFORMED", without(4, INDICATORS)),
    "shard-count-0": ("LIMIT", changed(5, At(0), INDICATORS)),
    "shard-count-6": ("MALFORMED", changed(5, At(6), INDICATORS)),
    "shard-count-512": ("LIMIT", changed(5, At(512), INDICATORS)),
    "shard-count-missing": ("MALFORMED", without(5, INDICATORS)),
    "shard-without-a-filter": ("MALFORMED", without(6, INDICATORS)),
    "shard-of-two-segments": ("MALFORMED", changed(6, [1, 4, At(bytes(8))], INDICATORS)),
    "listed-missing": ("MALFORMED", without(7, INDICATORS)),
    "listed-not-whole": ("MALFORMED", changed(7, At(bytes(15)), INDICATORS)),
    "listed-too-many": ("MALFORMED", changed(7, At(bytes(257 * 16)), INDICATORS)),
    "listed-twice": ("MALFORMED", changed(7, At(delta_bytes(["::1", "::1"])), INDICATORS)),
    "listed-out-of-order": ("MALFORMED", changed(7, At(delta_bytes(["::1", "::3", "::2"])),
                                                 INDICATORS)),
    "listed-a-text": ("MALFORMED", changed(7, At("\0" * 16), INDICATORS)),
    "unlisted-missing": ("MALFORMED", [
        Raw(raw(Pairs(settings_pairs(INDICATORS)[:-1]))), At(Raw(b""))]),
    "unlisted-out-of-order": ("MALFORMED", changed(8, At(delta_bytes(["2001::", "::1"])),
                                                   INDICATORS)),
    "unlisted-cut": ("TRUNCATED", changed(8, At(Raw(b"\x50\0\0")), INDICATORS)),
}


# Envelopes. The keys: RFC 8032 section 7.1, test 1; RFC 6979 appendix A.2.5.

SECRETS = {
    "EdDSA": bytes.fromhex("302e020100300506032b657004220420"
                           "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"),
    "ES256": bytes.fromhex("30310201010420"
                           "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"
                           "a00a06082a8648ce3d030107"),
}
PROTECTED = {"EdDSA": b"\xa1\x01\x27", "ES256": b"\xa1\x01\x26"}


def openssl(*arguments, **files):
    """Runs openssl in a folder of its own, where the files are; returns what it prints."""
    with tempfile.TemporaryDirectory() as folder:
        for name, octets in files.items():
            (pathlib.Path(folder) / name).write_bytes(octets)
        return subprocess.run(["openssl", *arguments], cwd=folder, check=False,
                              capture_output=True).stdout


def public_key(algorithm):
    return openssl("pkey", "-inform", "DER", "-in", "secret", "-pubout", secret=SECRETS[algorithm])


def der_of(signature):
    """SEQUENCE of two INTEGERs, as openssl has signatures of ES256."""
    numbers = b""
    for half in signature[:32], signature[32:]:
        number = half.lstrip(b"\0")
        number = (b"\0" if not number or number[0] > 127 else b"") + number
        numbers += bytes([2, len(number)]) + number
    return bytes([0x30, len(numbers)]) + numbers


def of_der(der):
    first = der[4:4 + der[3]]
    second = der[6 + der[3]:]
    return b"".join(number.lstrip(b"\0").rjust(32, b"\0") for number in (first, second))


def is_good(algorithm, message, signature):
    if algorithm == "EdDSA":
        said = openssl("pkeyutl", "-verify", "-pubin", "-inkey", "key", "-rawin", "-in", "message",
                       "-sigfile", "signature", key=public_key(algorithm), message=message,
                       signature=signature)
        return b"Successfully" in said
    said = openssl("dgst", "-sha256", "-verify", "key", "-signature", "signature", "message",
                   key=public_key(algorithm), message=message, signature=der_of(signature))
    return b"OK" in said


def sign(algorithm, message, before):
    """The signature that is there already, if it is good."""
    if len(before) == 64 and is_good(algorithm, message, before):
        return before
    if algorithm == "EdDSA":
        return openssl("pkeyutl", "-sign", "-keyform", "DER", "-inkey", "secret", "-rawin", "-in",
                       "message", secret=SECRETS[algorithm], message=message)
    return of_der(openssl("dgst", "-sha256", "-keyform", "DER", "-sign", "secret", "message",
                          secret=SECRETS[algorithm], message=message))


def envelopes(before):
    """name → (bytes, meaning); @p before: signatures that are there."""
    result = {}
    for name, algorithm, settings in (("eddsa-policy", "EdDSA", "every-rule"),
                                      ("eddsa-indicators", "EdDSA", "indicators"),
                                      ("eddsa-configuration", "EdDSA", "configuration-every-value"),
                                      ("es256-policy", "ES256", "filter"),
                                      ("es256-configuration", "ES256", "configuration-empty")):
        payload = raw(settings_pairs(GOOD[settings]))
        message = raw(["Signature1", PROTECTED[algorithm], b"", payload])
        signature = sign(algorithm, message, before.get(name, b""))
        parts = [PROTECTED[algorithm], Pairs(), payload, signature]
        meaning = {"algorithm": algorithm, "settings": settings, "is_genuine": True}
        result[name] = raw(parts), meaning
        forged = payload[:6] + bytes([payload[6] ^ 1]) + payload[7:]  # another revision
        result[f"{name}-forged"] = raw(parts[:2] + [forged, signature]), {
            "algorithm": algorithm, "is_genuine": False}
    for name, (status, item) in bad_envelopes(parts).items():
        result[f"bad-{name}"] = raw(item), {"status": f"PICKET_E_{status}"}
    return result


def bad_envelopes(parts):
    protected, unprotected, payload, signature = parts
    good = raw(parts)
    return {
        "empty": ("TRUNCATED", Raw(b"")),
        "settings-alone": ("MALFORMED", Raw(payload)),
        "three-items": ("MALFORMED", parts[:3]),
        "five-items": ("MALFORMED", parts + [0]),
        "tagged": ("MALFORMED", Raw(b"\xd2" + good)),
        "es384": ("MALFORMED", [b"\xa1\x01\x38\x22", *parts[1:]]),
        "algorithm-positive": ("MALFORMED", [b"\xa1\x01\x07", *parts[1:]]),
        "algorithm-not-shortest": ("MALFORMED", [b"\xa1\x01\x38\x06", *parts[1:]]),
        "protected-empty": ("MALFORMED", [b"", *parts[1:]]),
        "protected-a-map": ("MALFORMED", [Pairs([(1, Raw(b"\x26"))]), *parts[1:]]),
        "protected-with-a-key-id": ("MALFORMED", [b"\xa2\x01\x26\x04\x41\x01", *parts[1:]]),
        "unprotected-with-a-key-id": ("MALFORMED", [protected, Pairs([(4, b"1")]), *parts[2:]]),
        "payload-detached": ("MALFORMED", [protected, unprotected, Raw(b"\xf6"), signature]),
        "payload-not-wrapped": ("MALFORMED", [protected, unprotected, Raw(payload), signature]),
        "signature-63": ("MALFORMED", parts[:3] + [signature[:63]]),
        "signature-65": ("MALFORMED", parts[:3] + [signature + b"\0"]),
        "signature-empty": ("MALFORMED", parts[:3] + [b""]),
        "cut": ("TRUNCATED", Raw(good[:-1])),
        "bytes-behind": ("MALFORMED", Raw(good + b"\0")),
    }


def signatures_in(folder):
    return {path.stem: bytes.fromhex(path.read_text())[-64:] for path in folder.glob("*.hex")}


def empty(folder):
    folder.mkdir(exist_ok=True)
    for old in [*folder.glob("*.hex"), *folder.glob("*.json")]:
        old.unlink()


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    before = signatures_in(folder / "envelopes")
    for name in "settings", "envelopes":
        empty(folder / name)
    for name, meaning in GOOD.items():
        write(folder / "settings", name, raw(settings_pairs(meaning)), meaning)
    for name, (meaning, item) in LATER.items():
        write(folder / "settings", name, raw(item), meaning)
    for name, (status, item) in BAD.items():
        encoder = SettingsEncoder()
        for piece in item if type(item) is list else [item]:
            encoder.put(piece)
        write(folder / "settings", f"bad-{name}", bytes(encoder.out),
              {"status": f"PICKET_E_{status}", "offset": encoder.mark})
    for name, (octets, meaning) in envelopes(before).items():
        write(folder / "envelopes", name, octets, meaning)
    for algorithm in SECRETS:
        (folder / "envelopes" / f"{algorithm.lower()}-test-key.pem").write_bytes(
            public_key(algorithm))


if __name__ == "__main__":
    main()
