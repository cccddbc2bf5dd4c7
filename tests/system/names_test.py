# SPDX-License-Identifier: MIT
"""Real captures: the names in Picket's reports are those that were asked for and greeted.

The truth (NAMES.tsv) is tshark's. It differs from what the device code takes in two ways, and
a reading of its own (dns_reader.py) shows of each address that is missing that it is for one:
- tshark gives every address of a DNS message, and Picket those of the name that was asked for:
  the rest are addresses of name servers, mail exchangers and the like in the other sections;
- tshark reads datagrams that claim to be longer than their frame, which are malformed to Picket.
DNS over TCP and QUIC are not read by the device. A ClientHello cut over segments is read as far
as the first one goes, and the captures here have none whose server name lies beyond.
"""
import csv
import json
from collections import defaultdict

from dns_reader import addresses
from replaying import CAPTURES, captures, in_parallel, needs_data, needs_picket, replay

pytestmark = [needs_picket, needs_data]

GROUPS = ("iot_benign", "iot_setup", "protocols")


def truth():
    """By capture, the rows of the kinds that the device reads."""
    rows = defaultdict(lambda: {"dns_a": [], "sni": []})
    with open(CAPTURES / "truth/NAMES.tsv", newline="", encoding="utf-8") as text:
        for row in csv.DictReader(text, delimiter="\t"):
            if row["kind"] == "sni" or (row["kind"] == "dns_a" and row["proto"] == "udp"):
                rows[row["file"]][row["kind"]].append(row)
    return rows


def named_captures(kind):
    """(file, rows of that kind) of each Ethernet capture that has any."""
    rows = truth()
    files = [row["file"] for row in captures(
        lambda group, row: group in GROUPS and row["linktype"] == "ether")]
    return [(file, rows[file][kind]) for file in files if rows[file][kind]]


def devices_of(file, hosts):
    """What the replay says of these hosts as devices."""
    options = [word for host in sorted(hosts) for word in ("--device", host)]
    ran = replay("--json", *options, CAPTURES / file)
    assert ran.returncode == 0, ran.stderr
    devices = json.loads(ran.stdout)["devices"]
    assert all(device["facts_lost"] == device["facts_left_out"] == 0 for device in devices)
    return devices


def names_reported(file, rows):
    return {(device["id"], name["name"], name["address"])
            for device in devices_of(file, {row["dst"] for row in rows})
            for name in device["names"] if "address" in name}


def compare_names(case):
    """None, or in words how a capture's names differ from the truth."""
    file, rows = case
    found = {(row["dst"], *row["name"].rsplit("=", 1)) for row in rows}
    expected = found & addresses(CAPTURES / file)
    reported = names_reported(file, rows)
    if reported == expected:
        return None
    return f"{file}: missing {expected - reported}, too many {reported - expected}"


def test_the_names_that_devices_asked_for_equal_the_truth():
    cases = named_captures("dns_a")
    assert len(cases) > 0
    assert [words for words in in_parallel(compare_names, cases) if words is not None] == []


def sessions_reported(file, rows):
    """(client, server, port, name) of each TLS session with a name."""
    return {(device["id"], session["peer"], session["port"], session["server_name"])
            for device in devices_of(file, {row["src"] for row in rows})
            for session in device["tls"]
            if session["direction"] == "outbound" and "server_name" in session}


def compare_sessions(case):
    file, rows = case
    expected = {(row["src"], row["dst"], int(row["dport"]), row["name"]) for row in rows}
    reported = sessions_reported(file, rows)
    if reported == expected:
        return None
    return f"{file}: missing {expected - reported}, too many {reported - expected}"


def test_the_server_names_of_tls_sessions_equal_the_truth():
    cases = named_captures("sni")
    assert len(cases) > 0
    assert [words for words in in_parallel(compare_sessions, cases) if words is not None] == []


def test_servers_report_the_sessions_that_clients_open():
    for file, rows in named_captures("sni")[:5]:
        expected = {(row["src"], row["dst"], int(row["dport"]), row["name"]) for row in rows}
        reported = {(session["peer"], device["id"], session["port"], session["server_name"])
                    for device in devices_of(file, {row["dst"] for row in rows})
                    for session in device["tls"]
                    if session["direction"] == "inbound" and "server_name" in session}
        assert reported == expected, file
