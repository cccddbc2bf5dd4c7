# SPDX-License-Identifier: MIT
"""Every feed of the test data is loaded, and each line of it accounted for; damaged ones are not."""
import gzip
import io
import os
import re
import zipfile
from pathlib import Path

import pytest

from feed_server import ROOT, needs_probe, probe

FEEDS = Path(os.environ.get("PICKET_TEST_DATA") or ROOT.parent / "shared/data").resolve() / "feeds"

pytestmark = [needs_probe,
              pytest.mark.skipif(not FEEDS.exists(), reason=f"no feeds at {FEEDS}")]

EMPTY = "there is nothing to do"
MALFORMED = "the input breaks its format"
TRUNCATED = "the input ends in the middle of an item"
LIMIT = "a stated limit is exceeded"

# Format, what each line became (what is not named is 0), and why it is not a plain count of lines.
LOADS = {
    "csv/blackbook.csv.gz": ("csv", dict(blank=1, accepted=18147, duplicate=4)),
    "csv/feodo_ipblocklist.csv": ("csv", dict(blank=10, accepted=28)),
    "csv/loki_c2-iocs.txt": ("lines", dict(blank=67, accepted=1773, duplicate=71)),
    "csv/osx-nix-ja3.csv": ("csv", dict(blank=4, accepted=157)),  # four lines of one licence
    "csv/sslbl_ja3_fingerprints.csv": ("csv", dict(blank=11, accepted=98)),
    # URLs of addresses become address and port, mostly one with many URLs; of names: not taken
    "csv/urlhaus_2018.csv": ("csv", dict(blank=9, accepted=97, duplicate=124, malformed=2,
                                         unsupported=3768)),
    "dns/hagezi_fake.adblock.txt": ("lines", dict(blank=10, accepted=7355)),
    "dns/hagezi_fake.dnsmasq.txt": ("lines", dict(blank=10, accepted=7355)),
    "dns/hagezi_fake.domains.txt": ("lines", dict(blank=10, accepted=14043)),
    "dns/hagezi_fake.hosts.txt": ("lines", dict(blank=10, accepted=14043)),
    "dns/hagezi_fake.unbound.conf": ("lines", dict(blank=11, accepted=7355)),  # with "server:"
    "dns/hagezi_fake.wildcard.txt": ("lines", dict(blank=10, accepted=7355)),
    "ip/bitwire_inbound_networks.txt.gz": ("lines", dict(accepted=213282, reserved=6)),
    "ip/bitwire_outbound_ipv6.txt": ("lines", dict(accepted=450)),
    "ip/c2-tracker_all.txt": ("lines", dict(accepted=2347)),
    "ip/dshield_block.txt": ("csv", dict(blank=37, accepted=2)),
    "ip/firehol_level1_head.netset": ("lines", dict(blank=34, accepted=184, reserved=2)),
    "ip/ipsum.txt.gz": ("lines", dict(blank=7, accepted=120430)),
    "ip/maltrail_mass_scanner_cidr.txt": ("lines", dict(blank=24, accepted=1102, duplicate=4)),
    "ip/romainmarcoux_full-aa.txt.gz": ("lines", dict(accepted=131072)),
    "ip/spamhaus_drop.txt": ("lines", dict(blank=4, accepted=2)),
    "ip/spamhaus_drop_v4.json": ("ndjson", dict(blank=1, accepted=1406)),  # the last: metadata
    "ip/x4b_datacenter_ipv6.txt": ("lines", dict(accepted=8752)),
    # ports of 0 and above 65535; paths of URLs
    "maltrail/cobaltstrike-2.txt.gz": ("lines", dict(blank=16658, accepted=41579, duplicate=246,
                                                     malformed=8, unsupported=1818)),
    "maltrail/elf_mirai.txt.gz": ("lines", dict(blank=10820, accepted=16767, duplicate=420,
                                                unsupported=37611)),
    "maltrail/elf_vpnfilter.txt": ("lines", dict(blank=14, accepted=13)),
    "maltrail/emotet.txt.gz": ("lines", dict(blank=2810, accepted=3546, duplicate=1769,
                                             unsupported=9719)),
    # the header once more in the middle, two ADDR that are none, one that is a name
    "zeek/cps-collected-iocs.intel.gz": ("zeek", dict(blank=1, accepted=40946, duplicate=7172,
                                                      malformed=3, unsupported=1747)),
    "zeek/abuse-ch-threatfox-ip.intel": ("zeek", dict(blank=1, accepted=2341, duplicate=1151,
                                                      reserved=1)),
    "zeek/Amnesty_NSO_Domains.intel": ("zeek", dict(blank=1, accepted=1407, unsupported=17)),
}
# Files of which nothing is loaded, as there is nothing in them that could be.
REFUSED = {
    "ip/spamhaus_asndrop.txt": (EMPTY, dict(blank=4, unsupported=2)),  # numbers of systems
    "suricata/categories.txt": (EMPTY, dict(blank=1)),  # no list: names of categories
    "suricata/dataset_ipv6.csv": (EMPTY, dict(reserved=2)),  # made up, outside of 2000::/3
    "suricata/dns_md5.rep": (MALFORMED, dict(malformed=2)),  # reputations that are wrong on purpose
    "suricata/iprep.list": (EMPTY, dict(reserved=1)),  # 192.168.0.13
    "zeek/abuse-ja3-fingerprints.intel": (EMPTY, dict(blank=1)),  # a header and nothing below it
}
# Lines that a count of line ends does not see: the last one, which has none.
UNENDED = {"csv/feodo_ipblocklist.csv", "csv/loki_c2-iocs.txt", "csv/sslbl_ja3_fingerprints.csv"}
DAMAGED = ("ip/ipsum.txt.gz", "csv/feodo_ipblocklist.csv", "zeek/Amnesty_NSO_Domains.intel",
           "dns/hagezi_fake.hosts.txt", "ip/spamhaus_drop_v4.json", "maltrail/emotet.txt.gz")
MEMORY_KIB = 400 << 10  # of a process with sanitizers


def load(path, role="listed"):
    answer = probe("load", role, path)
    return answer, answer["load"]


def counts_of(account):
    return {name: value for name, value in account.items()
            if isinstance(value, int) and value > 0 and name not in ("lines", "probed")}


def lines_in_sources():
    rows = re.findall(r"^\| (\S+) \|.*\| (\d+) \| \d+ \|$", (FEEDS / "SOURCES.md").read_text(),
                      re.MULTILINE)
    return {name: int(lines) for name, lines in rows}


def content_of(name):
    raw = (FEEDS / name).read_bytes()
    return gzip.decompress(raw) if name.endswith(".gz") else raw


def test_no_file_is_left_out():
    here = {str(path.relative_to(FEEDS)) for path in FEEDS.glob("*/*") if path.is_file()}
    assert {name for name in here if not name.startswith(("misp/", "stix/"))} == \
        set(LOADS) | set(REFUSED)


@pytest.mark.parametrize("name", LOADS)
def test_feed_is_loaded_and_each_line_accounted_for(name):
    feed_format, counts = LOADS[name]
    answer, account = load(FEEDS / name)
    assert answer["status"] == "good", answer["error"]
    assert account["format"] == feed_format
    assert counts_of(account) == counts
    assert account["lines"] == sum(counts.values())
    assert account["lines"] == lines_in_sources()[name] + (name in UNENDED)
    assert account["probed"] == 3
    assert len(account["reasons"]) == min(counts.get("malformed", 0), 8)


@pytest.mark.parametrize("name", REFUSED)
def test_file_without_indicators_is_refused_and_accounted_for(name):
    status, counts = REFUSED[name]
    answer, account = load(FEEDS / name)
    assert answer["status"] == status and answer["error"]
    assert counts_of(account) == counts and account["lines"] == sum(counts.values())
    assert account["lines"] == lines_in_sources()[name]


def test_all_dialects_of_one_list_name_the_same(tmp_path):
    path = tmp_path / "feed"
    found = {}
    for dialect in ("adblock.txt", "dnsmasq.txt", "unbound.conf", "wildcard.txt"):
        path.write_bytes(content_of(f"dns/hagezi_fake.{dialect}"))
        found[dialect] = {row["value"] for row in probe("read", "auto", path)["indicators"]}
    assert len(found["adblock.txt"]) == 7355
    assert all(names == found["adblock.txt"] for names in found.values())


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_feed_is_refused_or_loses_only_what_is_damaged(name, tmp_path):
    content, path = content_of(name), tmp_path / "feed"
    counts = LOADS[name][1]
    refused = {
        "a web page": (b"<!DOCTYPE html>\n<html>" + content, MALFORMED),
        "cut gzip": (gzip.compress(content)[:-len(content) // 20], TRUNCATED),
        "packed twice": (gzip.compress(gzip.compress(content)), MALFORMED),
        "binary": (bytes(byte ^ 0xa5 for byte in content), MALFORMED),
        "UTF-16 without a mark": (content.decode().encode("utf-16-le"), MALFORMED),
        "nothing": (b"", EMPTY),
    }
    for change, (damaged, status) in refused.items():
        path.write_bytes(damaged)
        answer, account = load(path)
        assert answer["status"] == status and answer["error"], change
        assert account["probed"] == 0
    kept = {
        "UTF-16": (content.decode().encode("utf-16"), counts["accepted"]),
        "CRLF and a mark": (b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n"), counts["accepted"]),
        "doubled": (content + b"\n" + content, counts["accepted"]),
        "Latin-1 behind": (content + b"\n# caf\xe9\n", counts["accepted"]),
    }
    for change, (damaged, accepted) in kept.items():
        path.write_bytes(damaged)
        answer, account = load(path)
        assert answer["status"] == "good" and account["accepted"] == accepted, change
    path.write_bytes(content[:len(content) // 2])
    answer, account = load(path)
    assert answer["status"] in ("good", TRUNCATED)
    assert account["accepted"] <= counts["accepted"] and account["malformed"] <= counts.get(
        "malformed", 0) + 1


def test_zip_archive_of_one_feed_is_read_and_others_are_refused(tmp_path):
    content = content_of("csv/feodo_ipblocklist.csv")
    path = tmp_path / "feed.zip"
    for names, status in ((["full.csv"], "good"), (["a", "b"], MALFORMED), ([], MALFORMED)):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in names:
                archive.writestr(name, content)
        answer, account = load(path)
        assert answer["status"] == status and account["accepted"] == (28 if len(names) == 1 else 0)


def test_bombs_are_refused_before_they_unfold(tmp_path):
    zeros, path = bytes(512 << 20), tmp_path / "bomb"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("full.csv", zeros)
    for bomb in (gzip.compress(zeros, 6), archive.getvalue()):
        path.write_bytes(bomb)
        answer, _ = load(path)
        assert answer["status"] == LIMIT and "bytes when unpacked" in answer["error"]
        assert answer["memory_kib"] < MEMORY_KIB


def test_a_line_of_a_gigabyte_is_passed_over(tmp_path):
    path = tmp_path / "feed"
    with path.open("wb") as file:
        file.seek((1 << 30) - 10)  # a sparse file: NUL bytes
        file.write(b"\n9.9.9.9\n")
    answer, account = load(path)
    assert counts_of(account) == dict(accepted=1, malformed=1)
    assert account["reasons"] == [{"line": 1, "reason": "the line is longer than 4096 bytes"}]
    assert answer["memory_kib"] < (1 << 20) + MEMORY_KIB  # the file, and no more than without it
    with path.open("ab") as file:
        file.write(bytes(2))
    assert load(path)[0]["status"] == LIMIT
