#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The indicator index beside others that could do its work, and the targets it is held to.

usage: bench_intel.py [--quick] [--build FOLDER]

Runs bench_intel (tests/bench/intel) for sets of indicators made of the real lists
in ../shared/data/feeds, where that folder is, and filled up; one set is always all
made up. Then times `picket ti match` beside grepcidr and iprange. Prints what was
measured, and each target with the ratio it came to: all of one run, on one machine.

Only ratios mean anything elsewhere. A target counts only if no answer was wrong.
"""
import argparse
import gzip
import pathlib
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
FEEDS = ROOT.parent / "shared/data/feeds"
HUGEPAGES = pathlib.Path("/proc/sys/vm/nr_hugepages")
HUGEPAGE_MB = 2

IPV4_FEEDS = ["ip/ipsum.txt.gz", "ip/romainmarcoux_full-aa.txt.gz", "ip/c2-tracker_all.txt",
              "ip/bitwire_inbound_networks.txt.gz", "ip/maltrail_mass_scanner_cidr.txt",
              "ip/firehol_level1_head.netset", "ip/spamhaus_drop_v4.json",
              "zeek/abuse-ch-threatfox-ip.intel", "zeek/cps-collected-iocs.intel.gz",
              "maltrail/elf_mirai.txt.gz", "maltrail/cobaltstrike-2.txt.gz"]
IPV6_FEEDS = ["ip/x4b_datacenter_ipv6.txt", "ip/bitwire_outbound_ipv6.txt"]
NAME_FEEDS = ["maltrail/elf_mirai.txt.gz", "maltrail/cobaltstrike-2.txt.gz",
              "maltrail/emotet.txt.gz", "csv/blackbook.csv.gz", "dns/hagezi_fake.domains.txt",
              "zeek/cps-collected-iocs.intel.gz"]
IPV4 = re.compile(r"(?<![\d.:/])(\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?)(?![\d.:/])")
IPV6 = re.compile(r"^([0-9a-f:]*:[0-9a-f:]+(?:/\d{1,3})?)$", re.I)
NAME = re.compile(r"^((?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)+[a-z][a-z0-9-]*[a-z])(?=[\s,]|$)")

# scenario -> kind, indicators, has real lists, engines left out, MB for DPDK
SCENARIOS = {
    "IPv4 100k": ("ipv4", 100_000, True, "", 700),
    "IPv4 1M": ("ipv4", 1_000_000, True, "", 1600),
    "IPv4 1M made up": ("ipv4", 1_000_000, False, "", 1600),
    "IPv4 10M": ("ipv4", 10_000_000, True, "nDPI patricia,libmaxminddb", 11000),
    "IPv6 100k": ("ipv6", 100_000, True, "", 1800),
    "IPv6 1M": ("ipv6", 1_000_000, True, "rte_fib6", 64),
    "names 100k": ("names", 100_000, True, "", 0),
    "names 1M": ("names", 1_000_000, True, "", 0),
}
FULL_ONLY = {"IPv4 10M", "names 1M"}
TRAFFICS = ["miss", "hit", "near", "zipf"]
CLI_ROUNDS = 5


def fail(reason):
    sys.exit("bench_intel.py: %s" % reason)


class Result:
    """What one scenario printed."""

    def __init__(self):
        self.seconds, self.bytes, self.update = {}, {}, {}
        self.ns, self.wrong = {}, {}
        self.open_ms, self.image_bytes, self.threads = None, None, None
        self.lines_per_s, self.bytes_per_s = {}, {}
        self.filter = {}
        self.absent = []

    def take(self, line):
        kind, *fields = line.split("\t")
        if kind == "fill":
            self.seconds[fields[0]], self.bytes[fields[0]] = float(fields[1]), int(fields[2])
        elif kind == "match":
            self.ns[fields[0], fields[1]] = float(fields[2])
            self.wrong[fields[0], fields[1]] = int(fields[3])
        elif kind == "update":
            self.update[fields[0]] = float(fields[1])
        elif kind == "open":
            self.open_ms, self.image_bytes = float(fields[0]), int(fields[1])
        elif kind == "threads":
            self.threads = float(fields[0])
        elif kind == "import":
            self.lines_per_s[fields[0]], self.bytes_per_s[fields[0]] = map(float, fields[1:])
        elif kind == "filter":
            self.filter = dict(zip(("bytes", "others", "missed"), map(float, fields)))
        elif kind == "absent":
            self.absent.append(fields[0])

    def best(self, traffic, *engines):
        """The quickest of the engines named; None if none was there."""
        times = [self.ns[traffic, engine] for engine in engines if (traffic, engine) in self.ns]
        return min(times, default=None)

    def is_right(self):
        """The index gave no answer unlike the oracle's."""
        return all(count == 0 for (_, engine), count in self.wrong.items() if engine == "picket")


def read_lines(feed):
    path = FEEDS / feed
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", errors="replace") as file:
        return file.read().splitlines()


def write_list(path, feeds, pattern):
    """Everything in the feeds that looks like one, once; false if there are no feeds here."""
    if not FEEDS.is_dir():
        return False
    found = {}
    for feed in feeds:
        for line in read_lines(feed):
            match = None if line.startswith("#") else pattern.search(line)
            if match:
                found[match.group(1)] = None
    path.write_text("\n".join(found) + "\n", encoding="ascii")
    return True


def write_lists(folder):
    """{kind: list of real indicators}"""
    lists = {"ipv4": (IPV4_FEEDS, IPV4), "ipv6": (IPV6_FEEDS, IPV6), "names": (NAME_FEEDS, NAME)}
    return {kind: folder / kind for kind, (feeds, pattern) in lists.items()
            if write_list(folder / kind, feeds, pattern)}


class Hugepages:
    """As many as are asked for while it lasts, if the machine lets us."""

    def __init__(self, memory_mb):
        self.wanted, self.before, self.are_there = memory_mb // HUGEPAGE_MB + 8, None, False

    def __enter__(self):
        try:
            self.before = HUGEPAGES.read_text(encoding="ascii")
            HUGEPAGES.write_text(str(int(self.before) + self.wanted), encoding="ascii")
            self.are_there = int(HUGEPAGES.read_text(encoding="ascii")) >= self.wanted
        except OSError:
            pass
        return self

    def __exit__(self, *_):
        if self.before is not None:
            try:
                HUGEPAGES.write_text(self.before, encoding="ascii")
            except OSError:
                pass


def measure(program, scenario, lists):
    kind, count, is_real, without, memory_mb = SCENARIOS[scenario]
    command = [program, kind, str(count), "--without=" + without]
    if is_real and kind in lists:
        command.append("--list=%s" % lists[kind])
    if scenario in ("IPv4 1M", "names 1M"):
        command.append("--import")
    result = Result()
    with Hugepages(memory_mb) as hugepages:
        if memory_mb:
            command.append("--memory=%d" % memory_mb)
        if memory_mb and hugepages.are_there:
            command.append("--hugepages")
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        fail("%s failed" % " ".join(map(str, command)))
    for line in done.stdout.splitlines():
        result.take(line)
    pages = "" if not memory_mb else ", DPDK on %s pages" % ("huge" if hugepages.are_there else "small")
    source = "real lists and what is made up" if is_real and kind in lists else "all made up"
    print_result("%s (%s%s)" % (scenario, source, pages), count, result)
    return result


def print_result(title, count, result):
    print("\n%-34s %9s %9s %9s %9s %9s %9s %8s %7s" %
          (title[:90] + ("\n" + " " * 34 if len(title) > 34 else ""), *("%s ns" % traffic for traffic in TRAFFICS),
           "fill s", "B/each", "us/upd", "wrong"))
    for engine, seconds in result.seconds.items():
        wrong = sum(result.wrong[traffic, engine] for traffic in TRAFFICS)
        print("  %-32s %9.2f %9.2f %9.2f %9.2f %9.3f %9s %8s %7d" % (
            engine, *(result.ns[traffic, engine] for traffic in TRAFFICS), seconds,
            "%.1f" % (result.bytes[engine] / count) if result.bytes[engine] else "",
            "%.2f" % result.update[engine] if engine in result.update else "", wrong))
    if result.open_ms is not None:
        print("  %-32s %.2f ms, %.1f MB" % ("open, verify, first answer", result.open_ms,
                                             result.image_bytes / 1e6))
    if result.threads is not None:
        print("  %-32s %.2f" % ("two threads beside one", result.threads))
    if result.filter:
        print("  %-32s %.3f bytes each, %.3f %% of others found, %d members not found" % (
            "filter for devices", *(result.filter[name] for name in ("bytes", "others", "missed"))))
    for form, lines in result.lines_per_s.items():
        print("  %-32s %.2f M lines/s, %.0f MB/s" % ("import of " + form, lines / 1e6,
                                                      result.bytes_per_s[form] / 1e6))
    sys.stdout.flush()


def wall_seconds(command):
    begin = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return time.monotonic() - begin, done


def write_cli_files(folder, lists):
    """A list of a million lines and a million addresses, one in twelve of them listed."""
    generator = random.Random(14)
    lines = lists["ipv4"].read_text(encoding="ascii").split() if "ipv4" in lists else []
    hosts = [line for line in lines if "/" not in line] or ["198.51.100.7"]
    while len(lines) < 1_000_000:
        near = generator.choice(hosts).rsplit(".", 2)[0]
        lines.append("%s.%d.%d" % (near, generator.randrange(256), generator.randrange(256)))
    listed, queries = folder / "list", folder / "queries"
    listed.write_text("\n".join(lines[:1_000_000]) + "\n", encoding="ascii")
    asked = [generator.choice(hosts) if generator.randrange(12) == 0 else
             ".".join(str(generator.randrange(1, 224)) for _ in range(4))
             for _ in range(1_000_000)]
    queries.write_text("\n".join(asked) + "\n", encoding="ascii")
    return listed, queries


def measure_commands(build, folder, lists):
    """{command: median wall seconds}, and whether picket printed grepcidr's lines"""
    listed, queries = write_cli_files(folder, lists)
    picket = build / "cli/picket"
    commands = {
        "grepcidr": ["grepcidr", "-f", listed, queries],
        "iprange": ["iprange", listed, "--common", queries, "-1"],
    }
    if wall_seconds([picket, "ti", "match", listed, queries])[1].returncode == 0:
        commands["picket"] = [picket, "ti", "match", listed, queries]
        snapshot = folder / "snapshot"
        if wall_seconds([picket, "ti", "build", snapshot, listed])[1].returncode == 0:
            commands["picket, snapshot"] = [picket, "ti", "match", snapshot, queries]
    times, outputs = {name: [] for name in commands}, {}
    for _ in range(CLI_ROUNDS):
        for name, command in commands.items():
            seconds, done = wall_seconds(command)
            times[name].append(seconds)
            outputs[name] = done.stdout
    print("\n1M addresses against a list of 1M lines, wall seconds")
    seconds = {name: statistics.median(values) for name, values in times.items()}
    for name in commands:
        print("  %-32s %9.3f %9d lines" % (name, seconds[name], outputs[name].count(b"\n")))
    is_same = all(sorted(outputs[name].split(b"\n")) == sorted(outputs["grepcidr"].split(b"\n"))
                  for name in commands if name.startswith("picket"))
    return seconds, is_same


def ratio(ours, theirs):
    return theirs / ours if ours and theirs else None


NONE = Result()
FIB, FIB6 = ("rte_fib", "rte_fib AVX-512"), ("rte_fib6", "rte_fib6 AVX-512")
LEAST, MOST = True, False  # how a value holds a target


def beside(result, traffic, *engines):
    return ratio(result.best(traffic, "picket"), result.best(traffic, *engines))


def each(result, count):
    return result.bytes["picket"] / count if result.bytes.get("picket") else None


def smaller(result, engine):
    return ratio(result.bytes.get("picket"), result.bytes.get(engine))


def in_millions(value):
    return value / 1e6 if value else None


def filter_instructions():
    """Of one question to a device's filter, all of them, whatever way it takes; None without the
    compiler for a Cortex-M4."""
    if shutil.which("arm-none-eabi-gcc") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        made = pathlib.Path(folder) / "filter.o"
        subprocess.run(["arm-none-eabi-gcc", "-std=c99", "-O2", "-mcpu=cortex-m4", "-mthumb", "-c",
                        "-I", ROOT / "wire/include", ROOT / "wire/src/filter.c", "-o", made],
                       check=True)
        listing = subprocess.run(["arm-none-eabi-objdump", "-d", "--disassemble=picket_filter_has",
                                  made], check=True, stdout=subprocess.PIPE, text=True).stdout
    lines = re.findall(r"^\s+[0-9a-f]+:\t.*", listing, re.MULTILINE)
    return sum(not re.search(r"\t(nop|\.word)\b", line) for line in lines)


def wrong_names(result):
    wrong = [count for (_, engine), count in result.wrong.items() if engine == "picket"]
    return sum(wrong) if wrong else None


def ipv4_targets(results):
    """(id, what, target, stretch or None, value or None if it isn't measured, LEAST or MOST)"""
    million, ten = results.get("IPv4 1M", NONE), results.get("IPv4 10M", NONE)
    few = results.get("IPv4 100k", NONE)
    rows = []
    for name, result in (("", million), (", made up", results.get("IPv4 1M made up", NONE))):
        rows += [
            ("T1", "IPv4 1M miss, rte_fib" + name, 3.5, 6, beside(result, "miss", *FIB), LEAST),
            ("T2", "IPv4 1M 1 % hit, rte_fib" + name, 2.0, 3, beside(result, "hit", *FIB), LEAST),
            ("T3", "IPv4 1M near-miss, rte_fib" + name, 1.5, 2.5, beside(result, "near", *FIB), LEAST),
            ("T4", "IPv4 1M zipf, rte_fib" + name, 1.3, 1.8, beside(result, "zipf", *FIB), LEAST),
        ]
    fill_ms = 1e3 * million.seconds.get("rte_fib", 0)
    return rows + [
        ("T5", "IPv4 1M miss, Poptrie (no package)", 7.0, 12, None, LEAST),
        ("T5", "IPv4 1M near-miss, Poptrie (no package)", 5.0, 8, None, LEAST),
        ("T6", "IPv4 1M miss, libmaxminddb", 80.0, None, beside(million, "miss", "libmaxminddb"), LEAST),
        ("T6", "IPv4 1M miss, nDPI patricia", 150.0, None,
         beside(million, "miss", "nDPI patricia"), LEAST),
        ("T6", "IPv4 1M miss, Suricata (no package)", 150.0, None, None, LEAST),
        ("T7", "IPv4 10M miss, rte_fib", 1.5, 2, beside(ten, "miss", *FIB), LEAST),
        ("T7", "IPv4 10M miss, flat bitmap", 0.9, None, beside(ten, "miss", "flat bitmap"), LEAST),
        ("T7", "IPv4 10M memory, rte_fib", 15.0, None, smaller(ten, "rte_fib"), LEAST),
        ("T8", "IPv4 1M bytes each", 22.0, 16, each(million, 1e6), MOST),
        ("T8", "IPv4 10M bytes each", 18.0, 14, each(ten, 1e7), MOST),
        ("T8", "IPv4 100k MiB", 6.0, None, each(few, 1 << 20), MOST),
        ("T9", "IPv4 1M fill, rte_fib", 10.0, 25,
         ratio(million.seconds.get("picket"), million.seconds.get("rte_fib")), LEAST),
        ("T10", "IPv4 1M update, rte_fib", 1.0, 2,
         ratio(million.update.get("picket"), million.update.get("rte_fib")), LEAST),
        ("T10", "torn answers (./dev bench churn)", 0, None, None, MOST),
        ("T11", "IPv4 1M open ms", 5.0, 2, million.open_ms, MOST),
        ("T11", "IPv4 10M open ms", 20.0, None, ten.open_ms, MOST),
        ("T11", "IPv4 1M open, rte_fib fill", 100.0, None, ratio(million.open_ms, fill_ms), LEAST),
        ("T15", "import of plain lines, M/s", 5.0, 10, in_millions(million.lines_per_s.get("lines")), LEAST),
        ("T15", "import of CSV, M lines/s", 1.5, None, in_millions(million.lines_per_s.get("CSV")), LEAST),
        ("T15", "import of JSON, MB/s", 150.0, None, in_millions(million.bytes_per_s.get("JSON")), LEAST),
        ("T16", "IPv4 1M two threads", 1.9, None, million.threads, LEAST),
        ("T17", "device filter, bytes each", 1.45, None, few.filter.get("bytes"), MOST),
        ("T17", "device filter, % of others found", 0.45, None, few.filter.get("others"), MOST),
        ("T17", "device filter, members not found", 0, None, few.filter.get("missed"), MOST),
        ("T17", "device filter, instructions (Cortex-M4)", 60, None, filter_instructions(), MOST),
    ]


def other_targets(results, commands):
    """Likewise."""
    ipv6, few = results.get("IPv6 1M", NONE), results.get("IPv6 100k", NONE)
    names = results.get("names 1M", NONE)
    peer = min(commands["grepcidr"], commands["iprange"])
    return [
        ("T12", "IPv6 1M miss, nDPI patricia", 8.0, 12, beside(ipv6, "miss", "nDPI patricia"), LEAST),
        ("T12", "IPv6 1M miss, Suricata (no package)", 15.0, None, None, LEAST),
        ("T12", "IPv6 1M miss, hash per length", 40.0, None,
         beside(ipv6, "miss", "hash per length"), LEAST),
        ("T12", "IPv6 100k miss, rte_fib6", 1.0, None, beside(few, "miss", *FIB6), LEAST),
        ("T12", "IPv6 100k memory, rte_fib6", 80.0, None, smaller(few, "rte_fib6"), LEAST),
        ("T12", "IPv6 1M bytes each", 64.0, 48, each(ipv6, 1e6), MOST),
        ("T13", "names 1M miss, Knot's trie (no package)", 8.0, 15, None, LEAST),
        ("T13", "names 1M miss, nDPI automaton", 40.0, None,
         beside(names, "miss", "nDPI automaton"), LEAST),
        ("T13", "names 1M, answers not by whole labels", 0, None, wrong_names(names), MOST),
        ("T13", "names 1M bytes each", 16.0, None, each(names, 1e6), MOST),
        ("T15", "import of plain names, M/s", 5.0, None,
         in_millions(names.lines_per_s.get("lines")), LEAST),
        ("T15", "import of names in CSV, M lines/s", 1.5, None,
         in_millions(names.lines_per_s.get("CSV")), LEAST),
        ("T15", "import of names in JSON, MB/s", 150.0, None,
         in_millions(names.bytes_per_s.get("JSON")), LEAST),
        ("T14", "ti match, better of the two", 3.0, 5, ratio(commands.get("picket"), peer), LEAST),
        ("T14", "ti match of a snapshot, likewise", 10.0, 20,
         ratio(commands.get("picket, snapshot"), peer), LEAST),
    ]


def holds(value, target, is_least):
    return value >= target if is_least else value <= target


def judge(target, stretch, value, is_least):
    if value is None:
        return "not measured"
    if not holds(value, target, is_least):
        return "MISSED"
    return "held, stretched" if stretch is not None and holds(value, stretch, is_least) else "held"


def print_targets(rows):
    """Returns how many are missed."""
    words = []
    print("\n%-4s %-40s %10s %8s %10s" % ("", "target", "", "stretch", "measured"))
    for name, what, target, stretch, value, is_least in sorted(rows, key=lambda row: int(row[0][1:])):
        words.append(judge(target, stretch, value, is_least))
        print("%-4s %-40s %10s %8s %10s  %s" % (
            name, what, "%s %g" % (">=" if is_least else "<=", target),
            "" if stretch is None else "%g" % stretch, "" if value is None else "%.2f" % value,
            words[-1]))
    return words.count("MISSED")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="without the largest sets")
    parser.add_argument("--only", action="append", choices=list(SCENARIOS), metavar="SET",
                        help="of %s" % ", ".join(SCENARIOS))
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # hugepages are given back
    chosen = arguments.only or [name for name in SCENARIOS
                                if not arguments.quick or name not in FULL_ONLY]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        lists = write_lists(folder)
        if not lists:
            print("no real lists here: all sets are made up")
        results = {name: measure(arguments.build / "tests/bench/intel/bench_intel", name, lists)
                   for name in chosen}
        commands, is_same = measure_commands(arguments.build, folder, lists)
    missed = print_targets(ipv4_targets(results) + other_targets(results, commands))
    are_right = is_same and all(result.is_right() for result in results.values())
    print("targets missed: %d; answers: %s" % (missed, "all right" if are_right else "SOME WRONG"))
    sys.exit(not are_right)


if __name__ == "__main__":
    main()
