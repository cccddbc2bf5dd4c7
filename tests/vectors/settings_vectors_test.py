#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Reads spec/vectors/settings/ and envelopes/ by spec/settings.md alone, and judges by it.

    settings_vectors_test.py FOLDER
"""
import ipaddress
import json
import pathlib
import subprocess
import sys
import tempfile

import cbor2

from report_vectors_test import (U32, Refused, check_subset, check_version, decode, name,
                                 refuse_unless, uint)

RULES_MAX = 256


def rules(octets, width):
    refuse_unless(type(octets) is bytes, "MALFORMED", "rules")
    size = 7 + width
    refuse_unless(len(octets) <= RULES_MAX * size, "LIMIT", "rules")
    refuse_unless(len(octets) % size == 0, "MALFORMED", "rules that are not whole")
    return [rule(octets[at:at + size]) for at in range(0, len(octets), size)]


def rule(octets):
    traits, protocol, prefix_length = octets[:3]
    address, ports = octets[3:-4], octets[-4:]
    first, last = int.from_bytes(ports[:2], "big"), int.from_bytes(ports[2:], "big")
    direction, is_any = traits >> 1 & 3, traits >> 3 & 1
    refuse_unless(traits < 1 << 4 and direction < 3, "MALFORMED", "traits")
    refuse_unless(not is_any or protocol == 0, "MALFORMED", "protocol")
    refuse_unless(prefix_length <= 8 * len(address), "MALFORMED", "prefix")
    try:
        network = ipaddress.ip_network((address, prefix_length))
    except ValueError as error:
        raise Refused("MALFORMED", str(error)) from error
    refuse_unless(first <= last, "MALFORMED", "ports")
    return {"verdict": "deny" if traits & 1 else "allow",
            "direction": ["outbound", "inbound", "either"][direction],
            **({} if is_any else {"protocol": protocol}),
            "prefix": str(network), "first_port": first, "last_port": last}


def filter_terms(item):
    refuse_unless(type(item) is list and len(item) == 3, "MALFORMED", "filter")
    seed, length, octets = uint(item[0]), uint(item[1], 262144), item[2]
    refuse_unless(length.bit_count() == 1, "MALFORMED", "segment length")
    refuse_unless(type(octets) is bytes, "MALFORMED", "fingerprints")
    refuse_unless(len(octets) % length == 0 and len(octets) >= 3 * length, "MALFORMED", "segments")
    return {"seed": seed, "segment_length": length, "segment_count": len(octets) // length - 2,
            "fingerprints": octets.hex()}


def policy(item):
    refuse_unless({4, 5, 6, 7, 8} <= item.keys(), "MALFORMED", "a key is missing")
    trial_ms = uint(item[5], 86400000)
    refuse_unless(trial_ms == 0 or trial_ms >= 10000, "LIMIT", "trial")
    refuse_unless(type(item[6]) is bool, "MALFORMED", "denies_others")
    return {"mode": ["observe", "alert", "enforce"][uint(item[4], 2)], "trial_ms": trial_ms,
            "denies_others": item[6], "ipv4_rules": rules(item[7], 4),
            "ipv6_rules": rules(item[8], 16),
            **({"filter": filter_terms(item[9])} if 9 in item else {})}


INTERVAL = (1000, 86400000)
VALUES = {16: ("high_interval_ms", *INTERVAL), 17: ("interval_ms", *INTERVAL),
          18: ("low_interval_ms", *INTERVAL), 19: ("collectors", 0, 255), 20: ("exact_flows", 0, 1),
          21: ("ipv4_flows", 0, U32), 22: ("ipv6_flows", 0, U32), 23: ("facts_bytes", 0, U32)}


def configuration(item):
    return {title: uint(item[key], most, least) for key, (title, least, most) in VALUES.items()
            if key in item}


def delta(octets):
    refuse_unless(type(octets) is bytes and len(octets) % 16 == 0 and len(octets) <= 256 * 16,
                  "MALFORMED", "delta")
    addresses = [octets[at:at + 16] for at in range(0, len(octets), 16)]
    refuse_unless(addresses == sorted(set(addresses)), "MALFORMED", "delta's order")
    numbers = [ipaddress.ip_address(address) for address in addresses]
    return [str(number.ipv4_mapped or number) for number in numbers]


def indicators(item):
    refuse_unless({4, 5, 6, 7, 8} <= item.keys(), "MALFORMED", "a key is missing")
    shard, count = uint(item[4], 255), uint(item[5], 256, 1)
    refuse_unless(count & count - 1 == 0 and shard < count, "MALFORMED", "shard")
    return {"shard": shard, "shard_count": count, "filter": filter_terms(item[6]),
            "listed": delta(item[7]), "unlisted": delta(item[8])}


def settings(octets):
    """The settings in words, or Refused."""
    check_version(octets)
    item = decode(octets)
    for value in item.values():
        check_subset(value)
    check_subset(dict.fromkeys(item, 0))
    refuse_unless(set(range(4)) <= item.keys(), "MALFORMED", "a key is missing")
    kind = uint(item[1], 3, 1)
    return {"version": item[0], "kind": [None, "policy", "configuration", "indicators"][kind],
            "revision": uint(item[2], U32, 1), "audience": name(item[3], 64),
            **[None, policy, configuration, indicators][kind](item)}


def mix(low, high, a, b):
    product = (low ^ a) * (high ^ b)
    return product & U32, product >> 32


def has(terms, address):
    """True if the filter has the address."""
    if address.version == 4:
        address = ipaddress.ip_address(f"::ffff:{address}")
    number = int(address)
    words = [number >> shift & U32 for shift in (96, 64, 32, 0)]
    length = terms["segment_length"]
    halves = mix(terms["seed"] & U32, terms["seed"] >> 32, words[0] ^ 0x9E3779B9,
                 words[1] ^ 0x9E3779B9)
    low, high = mix(*mix(*halves, words[2], words[3]), 0x9E3779B9, 0x9E3779B9)
    first = (low ^ high) * (terms["segment_count"] * length) >> 32
    places = (first, (first + length) ^ (low >> 14 & (length - 1)),
              (first + 2 * length) ^ ((low ^ high) & (length - 1)))
    octets = bytes.fromhex(terms["fingerprints"])
    return (octets[places[0]] ^ octets[places[1]] ^ octets[places[2]]
            == high & 255)


def matches(rule, activity, direction, peer):
    if rule["direction"] not in ("either", direction):
        return False
    if rule.get("protocol", activity["protocol"]) != activity["protocol"]:
        return False
    if peer not in ipaddress.ip_network(rule["prefix"]):
        return False
    if (rule["first_port"], rule["last_port"]) == (0, 65535):
        return True
    port = activity.get("peer_port" if direction == "outbound" else "local_port")
    return port is not None and rule["first_port"] <= port <= rule["last_port"]


def ask_rules(policy, activity, direction):
    """(cause, rule) of an activity that was opened in that direction."""
    peer = ipaddress.ip_address(activity["peer"])
    for number, rule in enumerate(policy[f"ipv{peer.version}_rules"]):
        if matches(rule, activity, direction, peer):
            return ("rule", number) if rule["verdict"] == "deny" else ("none", None)
    return ("others" if policy["denies_others"] else "none", None)


def judge(policy, activity):
    directions = (["outbound", "inbound"] if activity["direction"] == "unknown"
                  else [activity["direction"]])
    answers = [ask_rules(policy, activity, direction) for direction in directions]
    if ("none", None) not in answers:
        return answers[0]
    is_listed = "filter" in policy and has(policy["filter"],
                                           ipaddress.ip_address(activity["peer"]))
    return ("indicator" if is_listed else "none", None)


def check_judgements(found, judgements):
    for expected in judgements:
        answer = judge(found, expected)
        if answer != (expected["cause"], expected.get("rule")):
            return f"says {answer} of {expected}"
    return None


def check_settings(path):
    """None, or what is not as the vector says."""
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    judgements = expected.pop("judgements", [])
    try:
        found = settings(bytes.fromhex(path.read_text()))
    except Refused as refusal:
        found = {"status": f"PICKET_E_{refusal.args[0]}", "offset": expected.get("offset")}
    if found != expected:
        return f"{path.name}: read {found}"[:1000] + f"\nexpected {expected}"[:1000]
    fault = check_judgements(found, judgements)
    return None if fault is None else f"{path.name}: {fault}"


def envelope(octets):
    """Algorithm, payload and signature, or Refused."""
    refuse_unless(octets[:1] != b"\xd2", "MALFORMED", "a tag")
    item = decode(octets)
    refuse_unless(type(item) is list and len(item) == 4, "MALFORMED", "no envelope")
    protected, unprotected, payload, signature = item
    algorithms = {b"\xa1\x01\x27": "EdDSA", b"\xa1\x01\x26": "ES256"}
    refuse_unless(type(protected) is bytes and protected in algorithms, "MALFORMED", "algorithm")
    refuse_unless(unprotected == {}, "MALFORMED", "unprotected")
    refuse_unless(type(payload) is bytes, "MALFORMED", "payload")
    refuse_unless(type(signature) is bytes and len(signature) == 64, "MALFORMED", "signature")
    return algorithms[protected], payload, signature


def der(signature):
    """r and s as a SEQUENCE of INTEGERs, which is what openssl takes."""
    numbers = b""
    for half in signature[:32], signature[32:]:
        number = int.from_bytes(half, "big")
        octets = number.to_bytes(number.bit_length() // 8 + 1, "big")
        numbers += bytes([2, len(octets)]) + octets
    return bytes([0x30, len(numbers)]) + numbers


def is_genuine(algorithm, payload, signature, key):
    """Asks openssl."""
    protected = {"EdDSA": b"\xa1\x01\x27", "ES256": b"\xa1\x01\x26"}[algorithm]
    message = cbor2.dumps(["Signature1", protected, b"", payload])
    with tempfile.TemporaryDirectory() as folder:
        for title, octets in ("message", message), ("signature", signature if algorithm == "EdDSA"
                                                    else der(signature)):
            (pathlib.Path(folder) / title).write_bytes(octets)
        command = (["pkeyutl", "-verify", "-pubin", "-inkey", key, "-rawin", "-in", "message",
                    "-sigfile", "signature"] if algorithm == "EdDSA"
                   else ["dgst", "-sha256", "-verify", key, "-signature", "signature", "message"])
        return subprocess.run(["openssl", *command], cwd=folder, check=False,
                              capture_output=True).returncode == 0


def check_envelope(path):
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    try:
        algorithm, payload, signature = envelope(bytes.fromhex(path.read_text()))
    except Refused as refusal:
        found = {"status": f"PICKET_E_{refusal.args[0]}"}
        return None if found == expected else f"{path.name}: {found}, expected {expected}"
    key = path.parent.resolve() / f"{algorithm.lower()}-test-key.pem"
    if (algorithm != expected["algorithm"]
            or is_genuine(algorithm, payload, signature, key) != expected["is_genuine"]):
        return f"{path.name}: is not {expected}"
    inner = path.parent.parent / "settings" / f"{expected.get('settings')}.hex"
    if expected["is_genuine"] and bytes.fromhex(inner.read_text()) != payload:
        return f"{path.name}: does not hold {inner.name}"
    return None


def main():
    folder = pathlib.Path(sys.argv[1])
    outcomes = [check(path) for title, check in (("settings", check_settings),
                                                 ("envelopes", check_envelope))
                for path in sorted((folder / title).glob("*.hex"))]
    faults = [fault for fault in outcomes if fault is not None]
    print("\n".join(faults + [f"{len(outcomes) - len(faults)} passed, {len(faults)} failed"]))
    return 1 if faults or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main())
