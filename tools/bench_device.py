#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Instructions that the device module takes, beside those of the retired one and the budgets.

usage: bench_device.py [--check]

Builds tests/bench/device/main.c with the module as a release is built, for the
machine it runs on (the figures beside are for x86-64), and runs it under
callgrind. A count is inclusive, from picket_observe() or picket_build_report()
on: with the port's clock and locks, which do nothing, and with libc. A range
is over TCP and UDP, outbound and inbound. Two runs print the same.

Fails if it can't measure; with --check also if a budget is exceeded.
"""
import argparse
import collections
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMPILE = ["gcc", "-std=c99", "-O2", "-g", "-static"]  # static: no call is bound while it is counted
INCLUDES = ["wire/include", "device/include", "wire/src", "device/src"]
SOURCES = ["wire/src/*.c", "device/src/*.c", "device/collectors/*.c", "tests/bench/device/main.c"]
CALLGRIND = ["valgrind", "--tool=callgrind", "--dump-after=bench_*", "--compress-strings=no",
             "--compress-pos=no"]
CALLER = {"packet": "bench_observe", "encode": "bench_encode"}
CALLEE = {"packet": "picket_observe", "encode": "picket_build_report"}

FAMILIES = ["IPv4", "IPv6"]
KNOWN = [("196–208", 100), ("266–316", 140)]
FULL = [("59–76", 200), ("59–76", 200)]
NOTHING = [("", None), ("", None)]
# measurement -> (figure of the retired module, budget) for each family
TABLES = [
    ("instructions per packet", {
        "hot flow": KNOWN,
        "63 flows": KNOWN,
        "new flow": NOTHING,
        "full table, known flow": FULL,
        "full table, new flow": FULL,
        "1,000 flows offered": FULL,
    }),
    ("instructions to encode", {
        "1 flow": NOTHING,
        "64 flows": [("95,800", 20000), ("95,800", 20000)],
        "each of 64 flows": NOTHING,
    }),
    ("bytes on the wire", {
        "further flow": [("36–40", 24), ("60–64", 36)],
    }),
]


def fail(reason):
    sys.exit("bench_device.py: %s" % reason)


def run(command, folder):
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    except OSError as error:
        fail(error)
    if done.returncode != 0:
        fail("%s failed:\n%s" % (command[0], done.stderr))
    return done.stdout


def cost(profile, caller, callee):
    """(calls, instructions) of callee when called by caller, in one of callgrind's dumps."""
    calls, instructions, here, arc, is_arc_cost = 0, 0, None, None, False
    for line in profile.read_text(encoding="utf-8").splitlines():
        if line.startswith("fn="):
            here = line[3:]
        elif line.startswith("cfn="):
            arc = line[4:]
        elif line.startswith("calls=") and (here, arc) == (caller, callee):
            calls += int(line[6:].split()[0])
            is_arc_cost = True
        elif is_arc_cost:
            instructions += int(line.split()[1])
            is_arc_cost = False
    return calls, instructions


def measure(folder, knobs):
    """{(family, measurement): the values of its streams}"""
    sources = [str(source) for pattern in SOURCES for source in sorted(ROOT.glob(pattern))]
    run([*COMPILE, *knobs, *["-I%s" % (ROOT / path) for path in INCLUDES], *sources, "-o", "bench"], folder)
    lines = run([*CALLGRIND, "--callgrind-out-file=profile", "./bench"], folder).splitlines()
    values, dump = collections.defaultdict(list), 0
    for line in lines:
        family, kind, count, rest = re.fullmatch(r"(\S+) (\S+) (\d+) ?(.*)", line).groups()
        if kind == "further":
            values[family, "further flow"].append(int(rest) / int(count))
            continue
        dump += 1
        calls, instructions = cost(folder / ("profile.%d" % dump), CALLER[kind], CALLEE[kind])
        if calls != (int(count) if kind == "packet" else 1):
            fail("the profile has %d calls for: %s" % (calls, line))
        if kind == "packet":
            values[family, rest].append(instructions / calls)
        else:
            values[family, "%s flow%s" % (count, "" if count == "1" else "s")].append(instructions)
            values[family, "each of %s flows" % count].append(instructions / int(count))
    return values


def as_range(values):
    low, high = ("{:,.0f}".format(bound) for bound in (min(values), max(values)))
    return low if low == high else "%s–%s" % (low, high)


def cells(values, retired, budget):
    """The columns of one family; the verdict counts what is printed, unrounded."""
    if budget is None:
        return as_range(values), retired, "", "", False
    is_over = max(values) > budget
    return as_range(values), retired, "{:,}".format(budget), "OVER" if is_over else "holds", is_over


def print_tables(values):
    """Prints them all; returns how many budgets are exceeded."""
    exceeded = 0
    for title, rows in TABLES:
        print("%-24s" % title + "".join("%13s%26s" % (family, "") for family in FAMILIES).rstrip())
        print("%-24s" % "" +
              ("%13s %9s %7s %-6s" % ("now", "retired", "budget", "") * len(FAMILIES)).rstrip())
        for name, figures in rows.items():
            line = "%-24s" % ("  " + name)
            for family, (retired, budget) in zip(FAMILIES, figures):
                *columns, is_over = cells(values[family, name], retired, budget)
                line += "%13s %9s %7s %-6s" % tuple(columns)
                exceeded += is_over
            print(line.rstrip())
    return exceeded


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="fail if a budget is exceeded")
    parser.add_argument("--knob", action="append", default=[], metavar="NAME=VALUE",
                        help="of device/include/picket/config.h, e.g. PICKET_RECENT_FLOWS=64")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        values = measure(pathlib.Path(folder), ["-D" + knob for knob in arguments.knob])
    exceeded = print_tables(values)
    print("budgets exceeded: %d" % exceeded)
    sys.exit(arguments.check and exceeded > 0)


if __name__ == "__main__":
    main()
