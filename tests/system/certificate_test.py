# SPDX-License-Identifier: MIT
"""Real captures: the certificate that a report names is the one that the server showed.

Taken from the capture by a reading apart from Picket's own: of each segment whose first record
has a ServerHello and behind it, in the same or the next record, a whole certificate.
"""
import hashlib
import json
import struct
from ipaddress import ip_address

from dns_reader import frames, ip_offset
from replaying import CAPTURES, captures, in_parallel, needs_data, needs_picket, replay

pytestmark = [needs_picket, needs_data]

GROUPS = ("iot_benign", "iot_setup", "protocols", "hygiene")
TCP = 6
HANDSHAKE = 22
SERVER_HELLO = 2
CERTIFICATE = 11
DER_SEQUENCE = b"\x30\x82"


def tcp_of_ipv4(frame):
    """(source, destination, source port, payload) of a whole TCP segment, or None."""
    at = ip_offset(frame)
    if len(frame) < at + 40 or frame[at] >> 4 != 4 or frame[at + 9] != TCP:
        return None
    length, fragment = struct.unpack_from("!2xH2xH", frame, at)
    segment = frame[at + (frame[at] & 15) * 4:at + length]
    if fragment & 0x3fff != 0 or len(segment) < 20:
        return None
    ends = (str(ip_address(frame[at + 12:at + 16])), str(ip_address(frame[at + 16:at + 20])))
    return (*ends, struct.unpack_from("!H", segment)[0], segment[(segment[12] >> 4) * 4:])


def messages(payload):
    """(type, body) of each handshake message that is whole, up to the first that is not."""
    at = 0
    while at + 5 <= len(payload) and payload[at] == HANDSHAKE and payload[at + 1] == 3:
        end = at + 5 + struct.unpack_from("!H", payload, at + 3)[0]
        at += 5
        while at + 4 <= min(end, len(payload)):
            length = int.from_bytes(payload[at + 1:at + 4], "big")
            yield payload[at], payload[at + 4:min(at + 4 + length, end)]
            at += 4 + length
        at = end


def certificates(path):
    """(server, client, port, SHA-256) of each certificate that one segment has whole."""
    found = set()
    for frame, _ in frames(path):
        segment = tcp_of_ipv4(frame)
        told = dict(messages(segment[3])) if segment is not None else {}
        if SERVER_HELLO not in told or len(told.get(CERTIFICATE, b"")) < 6:
            continue
        length = int.from_bytes(told[CERTIFICATE][3:6], "big")
        leaf = told[CERTIFICATE][6:6 + length]
        if len(leaf) == length > 4:
            assert leaf[:2] == DER_SEQUENCE and struct.unpack_from("!H", leaf, 2)[0] + 4 == length
            found.add((*segment[:3], hashlib.sha256(leaf).hexdigest()))
    return found


def compare(case):
    """None, or in words how the certificates of a capture differ."""
    file, expected = case
    hosts = {client for _, client, _, _ in expected}
    ran = replay("--json", *(word for host in sorted(hosts) for word in ("--device", host)),
                 CAPTURES / file)
    assert ran.returncode == 0, ran.stderr
    reported = {(session["peer"], device["id"], session["port"], session["certificate_sha256"])
                for device in json.loads(ran.stdout)["devices"] for session in device["tls"]
                if session["direction"] == "outbound" and "certificate_sha256" in session}
    if reported == expected:
        return None
    return f"{file}: missing {expected - reported}, too many {reported - expected}"


def test_certificates_of_servers_are_named_by_the_sha256_of_their_der():
    rows = captures(lambda group, row: group in GROUPS and row["linktype"] == "ether"
                    and row["filetype"] in ("pcap", "pcapng"))
    cases = [(row["file"], certificates(CAPTURES / row["file"])) for row in rows]
    cases = [case for case in cases if len(case[1]) > 0]
    assert len(cases) > 0
    assert [words for words in in_parallel(compare, cases) if words is not None] == []
    print(f"{sum(len(found) for _, found in cases)} certificates in {len(cases)} captures")
