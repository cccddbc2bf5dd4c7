# SPDX-License-Identifier: MIT
"""Real captures: the types and codes of ICMP that devices report are those of the truth."""
import csv
import gzip
import json
from collections import defaultdict
from ipaddress import ip_address

from replaying import CAPTURES, captures, in_parallel, needs_data, needs_picket, replay
from replaying import truth_path

pytestmark = [needs_picket, needs_data]

GROUPS = ("iot_benign", "iot_setup", "protocols")
DEVICES_MAX = 64
REQUESTS = {0: 8, 14: 13, 16: 15, 18: 17, 129: 128, 134: 133, 136: 135}  # of a reply


def icmp_flows(row):
    """(sender, receiver, "type/code,…", packets and bytes of the flow) for both ways of each."""
    path = truth_path(row)
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", newline="") as text:
        for flow in csv.DictReader(text, delimiter="\t"):
            if flow["kind"] == "icmp":
                packets = int(flow["pkts_ab"]) + int(flow["pkts_ba"])
                size = int(flow["ip_ab"]) + int(flow["ip_ba"])
                yield flow["a_addr"], flow["b_addr"], flow["icmp_ab"], packets, size
                yield flow["b_addr"], flow["a_addr"], flow["icmp_ba"], packets, size


def truth(row):
    """By host: (direction, peer, type, code) → the datagram's bytes if there was but one."""
    told = defaultdict(dict)
    for sender, receiver, kinds, packets, size in icmp_flows(row):
        for kind in kinds.split(",") if kinds != "-" else ():
            type_, code = kind.split(":")[0].split("/")
            if "-" in (type_, code):
                continue
            request = REQUESTS.get(int(type_), int(type_))
            has_opened = request == int(type_)
            for host, peer, is_opener in ((sender, receiver, has_opened),
                                          (receiver, sender, not has_opened)):
                direction = "outbound" if is_opener else "inbound"
                told[host][direction, peer, request, int(code)] = size if packets == 1 else None
    return told


def is_host(address):
    address = ip_address(address)
    return not (address.is_multicast or address.is_unspecified or address.is_loopback
                or str(address) == "255.255.255.255")


def compare(case):
    """None, or in words how a capture differs from the truth."""
    file, told = case
    hosts = sorted(filter(is_host, told))[:DEVICES_MAX]
    ran = replay("--json", *(word for host in hosts for word in ("--device", host)),
                 CAPTURES / file)
    assert ran.returncode == 0, ran.stderr
    for device in json.loads(ran.stdout)["devices"]:
        reported = {(seen["direction"], seen["peer"], seen["type"], seen["code"]):
                    seen["bytes_max"] for seen in device["icmp"]}
        expected = told[device["id"]]
        if reported.keys() != expected.keys() or any(
                size is not None and reported[key] != size for key, size in expected.items()):
            return f"{file}, {device['id']}: reported {reported}, expected {expected}"
    return None


def test_types_and_codes_of_icmp_equal_the_truth():
    rows = captures(lambda group, row: group in GROUPS and row["linktype"] == "ether"
                    and row["filetype"] in ("pcap", "pcapng"))
    cases = [(row["file"], truth(row)) for row in rows]
    cases = [(file, told) for file, told in cases if any(map(is_host, told))]
    assert len(cases) > 0
    assert [words for words in in_parallel(compare, cases) if words is not None] == []
    print(f"{sum(len(kinds) for _, told in cases for kinds in told.values())} kinds in "
          f"{len(cases)} captures")
