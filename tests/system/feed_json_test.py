# SPDX-License-Identifier: MIT
"""Real feeds in JSON: what Picket reads of each is what Python counts in it."""
import collections
import gzip
import ipaddress
import json
import os
import re
from pathlib import Path

import pytest

from feed_server import ROOT, needs_probe, probe

FEEDS = Path(os.environ.get("PICKET_TEST_DATA") or ROOT.parent / "shared/data").resolve() / "feeds"

pytestmark = [needs_probe,
              pytest.mark.skipif(not FEEDS.exists(), reason=f"no feeds at {FEEDS}")]

# Why the sums of a file are not those of a plain count. What is not here has to be equal.
NOT_TAKEN = {
    "stix/poisonivy.json": {"malformed": 1},  # 'domain autuo.xicp.net' is said to be a domain name
}
# The whole file is no feed that the network can be asked for, and the sentence says so.
REFUSED = {
    "misp/misp_feed_defaults.json": ("misp", "it is an index of MISP events or feeds"),
    "stix/taxii_default_data.json": ("stix", "neither a STIX bundle nor a TAXII envelope"),
    "stix/ics-attack-18.1.json.gz": ("auto", "the feed is empty"),  # techniques, no indicators
}
NETWORK = {"ip-src", "ip-dst", "domain", "hostname", "domain|ip", "ip-src|port", "ip-dst|port"}
# A URL is its host: an address with the URL's port, or a name if there is no path.
URL = re.compile(r"(?:(https?)://)?([^/:]+)(?::(\d+))?(/.*)?")
COMPARISON = re.compile(r"([a-z0-9-]+):([a-zA-Z0-9_.'-]+) = '([^']*)'")


def files(*patterns):
    return sorted(str(path.relative_to(FEEDS)) for pattern in patterns
                  for path in FEEDS.glob(pattern))


def text_of(name):
    path = FEEDS / name
    return (gzip.decompress(path.read_bytes()) if path.suffix == ".gz"
            else path.read_bytes()).decode()


def read(name, tmp_path, feed_format="auto"):
    path = tmp_path / "feed"
    path.write_text(text_of(name), encoding="utf-8")
    answer = probe("read", feed_format, path)
    answer["skipped"] = collections.Counter(skip["skip"] for skip in answer["skips"])
    return answer


def check(name, answer, values, unsupported):
    """All of `values` but what NOT_TAKEN says, and so many that are passed over as unsupported."""
    missing = NOT_TAKEN.get(name, {})
    taken = collections.Counter(row["value"] for row in answer["indicators"])
    assert answer["status"] == "good", answer["error"]
    assert not taken - values, "what Python does not find"
    assert sum((values - taken).values()) == sum(missing.values())
    assert answer["skipped"] == collections.Counter(missing, unsupported=unsupported)
    assert answer["lines"] == len(text_of(name).splitlines())


def form(value):
    """As observables are written."""
    try:
        network = ipaddress.ip_network(value)
        return str(network.network_address if network.num_addresses == 1 else network)
    except ValueError:
        return value.lower().lstrip(".").rstrip(".")


def host(url):
    """What a URL is listed as; None if its name alone would be more than was said."""
    scheme, name, port, path = URL.fullmatch(url).groups()
    try:
        ipaddress.ip_address(name)
        return f"{name}:{port or {'http': 80, 'https': 443}[scheme]}"
    except ValueError:
        return None if path and path != "/" else form(name)


def test_no_file_is_left_out():
    assert set(REFUSED) | set(NOT_TAKEN) <= set(files("stix/*", "misp/*.json*"))
    assert len(files("stix/*", "misp/*.json*", "misp/warninglists/*")) == 26


@pytest.mark.parametrize("name", files("misp/warninglists/*"))
def test_warning_list_has_all_its_names_and_networks(name, tmp_path):
    content = json.loads(text_of(name))
    is_foreign = not any(re.match("ip-|domain|hostname", kind)
                         for kind in content["matching_attributes"])
    # top-level domains stand among the second levels
    values = [] if is_foreign else [entry for entry in content["list"] if re.search("[.:]", entry)]
    answer = read(name, tmp_path)
    check(name, answer, collections.Counter(map(form, values)), len(content["list"]) - len(values))
    assert {row["comment"] for row in answer["indicators"]} <= {content["name"]}


@pytest.mark.parametrize("name", [name for name in files("misp/*.json*") if name not in REFUSED])
def test_event_has_all_it_says_is_for_detection(name, tmp_path):
    [event] = [entry["Event"] for entry in json.loads(text_of(name))["response"]]
    attributes = event["Attribute"] + [attribute for thing in event["Object"]
                                       for attribute in thing["Attribute"]
                                       if attribute["type"] != "port"]
    wanted = [attribute for attribute in attributes
              if attribute["type"] in NETWORK and attribute["to_ids"]]
    urls = [host(attribute["value"]) for attribute in attributes
            if attribute["type"] == "url" and attribute["to_ids"]]
    values = [form(value) for attribute in wanted for value in attribute["value"].split("|")]
    answer = read(name, tmp_path)
    check(name, answer, collections.Counter(values + list(filter(None, urls))),
          len(attributes) - len(wanted) - len(urls) + urls.count(None))
    assert {row["reference"] for row in answer["indicators"]} <= {event["uuid"]}


@pytest.mark.parametrize("name", [name for name in files("stix/*") if name not in REFUSED])
def test_bundle_has_each_alternative_of_its_patterns(name, tmp_path):
    values, unsupported = collections.Counter(), 0
    for thing in json.loads(text_of(name))["objects"]:
        if thing["type"] != "indicator":
            continue
        comparisons = COMPARISON.findall(thing["pattern"])
        if " AND " in thing["pattern"]:
            unsupported += 1  # of certificates, by issuer and serial number
            continue
        for kind, _, value in comparisons:
            if kind in ("ipv4-addr", "ipv6-addr", "domain-name"):
                values[form(value)] += 1
            elif kind == "url" and host(value):
                values[host(value)] += 1
            else:
                unsupported += 1
    check(name, read(name, tmp_path), values, unsupported)


def test_drop_list_has_each_network_and_its_metadata(tmp_path):
    name = "ip/spamhaus_drop_v4.json"
    rows = [json.loads(line) for line in text_of(name).splitlines()]
    answer = read(name, tmp_path)
    check(name, answer, collections.Counter(form(row["cidr"]) for row in rows[:-1]), 0)
    assert len(answer["indicators"]) == rows[-1]["records"] and answer["blank"] == 1
    assert answer["published"] == "2025-04-15T02:07:54.000000Z"
    assert answer["indicators"][0]["reference"] == rows[0]["sblid"]


@pytest.mark.parametrize("name", REFUSED)
def test_file_that_is_no_feed_is_refused_with_a_sentence(name, tmp_path):
    feed_format, sentence = REFUSED[name]
    answer = read(name, tmp_path, feed_format)
    assert answer["status"] != "good" and sentence in answer["error"]
    assert not answer["indicators"]


@pytest.mark.parametrize("name", ("misp/eset_glupteba.event.json.gz", "stix/apt1.json",
                                  "misp/warninglists/cisco_top1000.json"))
def test_damaged_feeds_are_refused(name, tmp_path):
    text = text_of(name).strip()
    damaged = {
        "cut": (text[:len(text) // 2], "the input ends in the middle of an item"),
        "cut at the end": (text[:-1], "the input ends in the middle of an item"),
        "doubled": (text + text[:-1], "the input"),
        "a byte": (text[:100] + "\x01" + text[100:], "the input breaks its format"),
        "a comma": (text[:-1] + ",}", "the input breaks its format"),
    }
    path = tmp_path / "feed"
    feed_format = read(name, tmp_path)["format"]
    for change, (content, status) in damaged.items():
        path.write_text(content, encoding="utf-8")
        assert probe("read", feed_format, path)["status"].startswith(status), change
    path.write_bytes(text.encode()[:100] + b"\xff" + text.encode()[100:])
    assert probe("read", feed_format, path)["status"] == "the input breaks its format"
