# SPDX-License-Identifier: MIT
"""Real captures: what Picket counts and finds is what is in them."""
import collections
import csv
import functools
import gzip
import importlib.util
import json
import re
from datetime import datetime, timezone

import pytest

from replaying import CAPTURES, DATA, captures, in_parallel, needs_data, needs_picket, replay
from replaying import truth_path

pytestmark = [needs_picket, needs_data]

SANITIZER = re.compile(rb"AddressSanitizer|LeakSanitizer|runtime error")
LINK_TYPES = ("ether", "rawip", "rawip4", "rawip6", "null", "linux-sll", "linux-sll2")

NO_PAYLOAD_LENGTH = ("its IPv6 payload length is 0 without the jumbogram option: the truth sees "
                     "nothing behind the header, Picket what is there, as Linux's BIG TCP means it")
MALFORMED_OPTION = ("tshark gives up over a malformed option, and with it over the ports behind; "
                    "Picket does not look into options")
SNAPSHOT_LENGTHS = "libpcap refuses a pcapng file whose interfaces differ in snapshot length"
# Why a capture can't be equal to its truth. One that is equal does not belong here, and fails.
UNEQUAL = {
    "torture/tcpdump__bigtcp-ipv6.pcap": NO_PAYLOAD_LENGTH,
    "torture/tcpdump__bigtcp-ipv6-geneve-ipv4.pcap": NO_PAYLOAD_LENGTH,
    "torture/tcpdump__bigtcp-ipv6-vxlan-ipv6.pcap": NO_PAYLOAD_LENGTH,
    "torture/tcpdump__ipv6_missing_jumbo_payload_option.pcap": NO_PAYLOAD_LENGTH,
    "torture/tcpdump__ipv6_frag6_negative_len.pcap": NO_PAYLOAD_LENGTH,
    "torture/suricata-verify__bug-7414-decoder-event-01_ip_secopt.pcap": MALFORMED_OPTION,
    "torture/zeek__ipv6-mobility-dst-opts.pcap": MALFORMED_OPTION,
    "torture/PcapPlusPlus__Tests_Packet_Test_PacketExamples_GrePackets.pcap": SNAPSHOT_LENGTHS,
    "torture/PcapPlusPlus__Tests_Pcap_Test_PcapExamples_too_many_interfaces.pcapng":
        SNAPSHOT_LENGTHS,
    "torture/PcapPlusPlus__Tests_Pcap_Test_PcapExamples_solaris.snoop":
        "snoop is neither pcap nor pcapng",
    "torture/suricata-verify__ipv6-evasion_ipv6-malformed-fragments-12_frag-12.pcap":
        "it has 177 extension headers in a row; Picket's walk is bounded",
    "torture/pcap4j__pcap4j-packettest_src_test_resources_IpV4PacketTest.pcap":
        "tshark takes the destination from a source route; Picket from the header, as the router "
        "that has the packet does",
    "torture/PcapPlusPlus__Tests_Pcap_Test_PcapExamples_ip4_bad_fragment.pcap":
        "its badlen row is of an IPv4 header that claims 60 bytes where the frame has 42: "
        "malformed, and no flow",
}
ADDRESS = re.compile(r"\b\d+\.\d+\.\d+\.\d+\b")


@functools.cache
def flow_compare():
    """The data's own reader of flow tables."""
    place = importlib.util.spec_from_file_location("flow_compare",
                                                   DATA / "flow_truth/flow_compare.py")
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    return module


def compare_with_truth(row, folder):
    """None, or in words how the exact table differs from the truth."""
    ours = folder / row["file"].replace("/", "__")
    ran = replay("--exact-flows", ours, CAPTURES / row["file"])
    if ran.returncode != 0:
        return f"{row['file']}: {ran.stderr.decode(errors='replace')}"
    found, wanted = (flow_compare().load(str(path), None) for path in (ours, truth_path(row)))
    ours.unlink()
    differing = [f"{flow_compare().show(key)}: {found.get(key)}, truth {wanted.get(key)}"
                 for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key)]
    return None if differing == [] else f"{row['file']}: {differing[:10]}"


@pytest.mark.parametrize("link_type", LINK_TYPES)
def test_exact_flows_equal_the_truth_of_every_capture_of_a_link_type(link_type, tmp_path):
    rows = captures(lambda group, row: row["linktype"] == link_type)
    assert len(rows) > 0
    assert [row["file"] for row in rows if not truth_path(row).exists()] == []
    differences = in_parallel(lambda row: compare_with_truth(row, tmp_path), rows)
    unequal = {row["file"] for row, words in zip(rows, differences) if words is not None}
    expected = {row["file"] for row in rows} & UNEQUAL.keys()
    assert [words for row, words in zip(rows, differences)
            if words is not None and row["file"] not in UNEQUAL] == []
    assert expected - unequal == set()
    print(f"{link_type}: {len(rows) - len(unequal)} captures equal, {len(unequal)} not")


def bad_lengths(path):
    """Sums over the badlen rows of a flow table, by protocol and the two addresses."""
    sums = collections.Counter()
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", newline="") as text:
        for flow in csv.DictReader(text, delimiter="\t"):
            if flow["kind"] == "badlen":
                ends = tuple(sorted((flow["a_addr"], flow["b_addr"])))
                assert (flow["a_port"], flow["b_port"]) == ("-", "-")
                for count in ("pkts_ab", "pkts_ba", "ip_ab", "ip_ba"):
                    sums[flow["proto"], ends, count[:2]] += int(flow[count])
    return sums


def test_datagrams_that_claim_more_than_their_frame_had_are_rows_of_their_own(tmp_path):
    """One for each protocol and pair of addresses, without ports, with the bytes as claimed."""
    rows = captures(lambda group, row: row["linktype"] in LINK_TYPES
                    and row["file"] not in UNEQUAL and bad_lengths(truth_path(row)))
    assert len(rows) > 0
    for row in rows:
        assert replay("--exact-flows", tmp_path / "ours", CAPTURES / row["file"]).returncode == 0
        assert bad_lengths(tmp_path / "ours") == bad_lengths(truth_path(row)), row["file"]


def survive(row, folder):
    """None, or what went wrong with a capture that is damaged on purpose."""
    path = CAPTURES / row["file"]
    exact = folder / row["file"].replace("/", "__")
    for arguments in ([], ["--exact-flows", exact]):
        ran = replay(*arguments, path)
        exact.unlink(missing_ok=True)
        if ran.returncode not in (0, 1) or SANITIZER.search(ran.stderr):
            return f"{row['file']} {arguments}: {ran.stderr.decode(errors='replace')}"
        if ran.returncode == 1 and row["file"].encode() not in ran.stderr:
            return f"{row['file']} {arguments}: refused without its name: {ran.stderr}"
    return None


def test_damaged_and_strange_captures_run_through(tmp_path):
    rows = captures(lambda group, row: group == "torture")
    assert len(rows) > 0
    faults = in_parallel(lambda row: survive(row, tmp_path), rows)
    assert [words for words in faults if words is not None] == []


def contacts(row, peer):
    """For each host that met `peer`: what the truth has of it, seen from that host."""
    path = truth_path(row)
    met = {}
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", newline="") as text:
        for flow in csv.DictReader(text, delimiter="\t"):
            ends = (flow["a_addr"], flow["b_addr"])
            if peer not in ends:
                continue
            has_opened = ends[1] == peer
            out, back = ("ab", "ba") if has_opened else ("ba", "ab")
            contact = met.setdefault(ends[0] if has_opened else ends[1], {
                "directions": set(), "packets_out": 0, "packets_in": 0, "bytes_out": 0,
                "bytes_in": 0, "first": float("inf"), "last": 0.0})
            contact["directions"].add("outbound" if has_opened else "inbound")
            contact["packets_out"] += int(flow["pkts_" + out])
            contact["packets_in"] += int(flow["pkts_" + back])
            contact["bytes_out"] += int(flow["ip_" + out])
            contact["bytes_in"] += int(flow["ip_" + back])
            contact["first"] = min(contact["first"], float(flow["first"]))
            contact["last"] = max(contact["last"], float(flow["last"]))
    return met


def milliseconds(seconds):
    return int(seconds * 1000 + 1e-6)


def time_of(text):
    at = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    return milliseconds(at.timestamp())


def matches(row, peers, folder):
    """TI_IP_MATCH alerts of a capture with `peers` listed."""
    bad = folder / "bad.txt"
    bad.write_text("".join(peer + "\n" for peer in peers), encoding="ascii")
    ran = replay("--json", "--intel", bad, CAPTURES / row["file"])
    assert ran.returncode == 0, ran.stderr
    return [a for a in json.loads(ran.stdout)["alerts"] if a["type"] == "TI_IP_MATCH"]


def c2_captures():
    def names_a_peer(group, row):
        return group == "attack_c2" and ADDRESS.search(row["expect"])
    return [(row, ADDRESS.search(row["expect"]).group()) for row in captures(names_a_peer)]


def check_alert(alert, contact):
    total = alert["evidence"]["total"]
    for name in ("packets_out", "packets_in", "bytes_out", "bytes_in"):
        assert total[name] == contact[name], name
    assert time_of(total["first_seen"]) == milliseconds(contact["first"])
    assert time_of(total["last_seen"]) == milliseconds(contact["last"])
    assert {flow["direction"] for flow in alert["evidence"]["flows"]} == contact["directions"]


def test_a_listed_peer_gives_one_alert_per_device_with_the_counts_of_the_truth(tmp_path):
    rows = c2_captures()
    assert len(rows) > 0
    for row, peer in rows:
        met = contacts(row, peer)
        alerts = matches(row, [peer], tmp_path)
        assert sorted(alert["device"] for alert in alerts) == sorted(met), row["file"]
        for alert in alerts:
            check_alert(alert, met[alert["device"]])


def test_an_empty_list_gives_no_alert(tmp_path):
    for row, _ in c2_captures():
        assert matches(row, [], tmp_path) == []


def test_two_runs_give_the_same_bytes():
    for row, _ in c2_captures():
        twice = [CAPTURES / row["file"]] * 2
        first, second = in_parallel(lambda path: replay("--json", path), twice)
        assert first.returncode == 0
        assert first.stdout == second.stdout
