#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: embed_settings.py FOLDER OUT.c — settings as C, for targets that have no files."""
import ipaddress
import json
import pathlib
import sys

TEXT = """/* Made by tests/vectors/embed_settings.py. */
#include "vectors/settings_vectors.h"

%s
const struct settings_vector settings_vectors[] = {
%s};
const size_t settings_vector_count = sizeof(settings_vectors) / sizeof(settings_vectors[0]);
"""

VALUES = ["high_interval_ms", "interval_ms", "low_interval_ms", "collectors", "exact_flows",
          "ipv4_flows", "ipv6_flows", "facts_bytes"]


def listed(octets):
    return ", ".join(map(str, octets))


def array(type_name, symbol, rows):
    """An array; one of length 0 is no C, so an empty one gets an item that does not count."""
    return "static const %s %s[] = {%s};\n" % (type_name, symbol, ",\n".join(rows) or "0")


def rule_line(rule):
    network = ipaddress.ip_network(rule["prefix"])
    return "%s %s %s %s/%u %u-%u" % (rule["verdict"], rule["direction"],
                                     rule.get("protocol", "any"),
                                     network.network_address.packed.hex(), network.prefixlen,
                                     rule["first_port"], rule["last_port"])


def sixteen_bytes(address):
    address = ipaddress.ip_address(address)
    return (bytes(10) + b"\xff\xff" if address.version == 4 else b"") + address.packed


def meaning(settings):
    """The settings in lines; settings_vectors_test.c tells what C has read in the same way."""
    lines = ["%(kind)s %(revision)u %(audience)s" % settings]
    if settings["kind"] == "policy":
        lines.append("%s %u %u" % (settings["mode"], settings["trial_ms"],
                                   settings["denies_others"]))
        lines += map(rule_line, settings["ipv4_rules"] + settings["ipv6_rules"])
    if "filter" in settings:
        lines.append("filter %(seed)u %(segment_length)u %(segment_count)u" % settings["filter"])
        lines.append("%u fingerprints" % (len(settings["filter"]["fingerprints"]) // 2))
    if settings["kind"] == "indicators":
        lines.append("shard %(shard)u of %(shard_count)u" % settings)
        lines += [f"{word} {sixteen_bytes(address).hex()}" for word in ("listed", "unlisted")
                  for address in settings[word]]
    lines += ["%u %u" % (16 + place, settings[name]) for place, name in enumerate(VALUES)
              if name in settings]
    return "".join(line + "\n" for line in lines)


def judgement_row(judgement):
    """Fields in the order of struct judgement and struct picket_activity."""
    direction = {"outbound": "PICKET_OUTBOUND", "inbound": "PICKET_INBOUND",
                 "unknown": "PICKET_DIRECTION_UNKNOWN"}[judgement["direction"]]
    peer = ipaddress.ip_address(judgement["peer"]).packed
    return "    {{%s, %u, %u, (const uint8_t[]){%s}, %s, %u, %u}, PICKET_CAUSE_%s, %u}" % (
        direction, judgement["protocol"], len(peer), listed(peer),
        "true" if "peer_port" in judgement else "false", judgement.get("peer_port", 0),
        judgement.get("local_port", 0), judgement["cause"].upper(), judgement.get("rule", 0))


folder, out = map(pathlib.Path, sys.argv[1:])
arrays, rows = [], []
for number, source in enumerate(sorted(folder.glob("*.hex"))):
    content = bytes.fromhex(source.read_text(encoding="ascii"))
    told = json.loads(source.with_suffix(".json").read_bytes())
    is_bad = source.name.startswith("bad-")
    judgements = told.get("judgements", [])
    lines = "" if is_bad else meaning(told)
    arrays.append(array("uint8_t", f"bytes_{number}", [listed(content)]))
    arrays.append(array("uint8_t", f"lines_{number}", [listed(lines.encode() + b"\0")]))
    if judgements:
        arrays.append(array("struct judgement", f"judgements_{number}",
                            map(judgement_row, judgements)))
    rows.append('    {"%s", bytes_%u, %uu, %s, %uu, (const char *)lines_%u, %s, %uu},\n' %
                (source.stem, number, len(content), told.get("status", "PICKET_OK"),
                 told.get("offset", 0), number,
                 f"judgements_{number}" if judgements else "NULL", len(judgements)))
out.write_text(TEXT % ("".join(arrays), "".join(rows)), encoding="ascii")
