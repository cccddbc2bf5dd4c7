#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the device module costs on Cortex-M processors, beside its baseline and its budgets.

usage: size.py [--details | --update]

Links tests/size/main.c with the module for each processor and each feature, one
feature after the other, unused sections thrown out, and counts what stays: the
module and its storage, not libc and not the reference program. Stack is the
deepest way of calls within the module; the port's functions and libc are not in
it. A row is what its feature adds to the rows above it; the first collector of
facts brings their table. The budgets are for the module without these.

Exits 1 if a figure is larger than tests/size/baseline.json says, or a budget is
exceeded. With another compiler than the baseline's only budgets are compared.
--update writes the baseline anew.
"""
import argparse
import concurrent.futures
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
BASELINE = ROOT / "tests/size/baseline.json"
KNOBS = ROOT / "device/include/picket/config.h"
COMPILER = "arm-none-eabi-gcc"
CPUS = ["cortex-m0plus", "cortex-m4", "cortex-m33"]
COMPILE = ["-std=c99", "-Os", "-ffunction-sections", "-fdata-sections"]
LINK = ["--specs=nosys.specs", "-nostartfiles", "-Wl,--gc-sections", "-Wl,--entry=main",
        "-Wl,--no-warn-rwx-segments"]
INCLUDES = ["device/include", "wire/include", "device/src", "wire/src"]
SOURCES = ["wire/src/*.c", "device/src/*.c", "device/collectors/*.c", "tests/size/main.c"]
MODULE_RAM = ["size_agent", "size_ipv4_flows", "size_ipv6_flows", "size_facts", "size_report"]

BASE = "base"
# (feature, knob, its value without the feature, its value with it)
FEATURES = [
    (BASE, "PICKET_COLLECT_HEARTBEAT", 1, 1),
    (BASE, "PICKET_COLLECT_SYSTEM", 1, 1),
    (BASE, "PICKET_RECENT_FLOWS", 128, 128),
    ("icmp", "PICKET_COLLECT_ICMP", 0, 1),
    ("metric", "PICKET_COLLECT_METRIC", 0, 1),
    ("event", "PICKET_COLLECT_EVENT", 0, 1),
    ("start", "PICKET_COLLECT_START", 0, 1),
    ("listen", "PICKET_COLLECT_LISTEN", 0, 1),
    ("dns", "PICKET_COLLECT_DNS", 0, 1),
    ("tls", "PICKET_COLLECT_TLS", 0, 1),
    ("policy", "PICKET_POLICY", 0, 1),
    ("indicators", "PICKET_INDICATORS", 0, 1),
    ("configuration", "PICKET_CONFIGURATION", 0, 1),
]
STACKS = {"observe stack": "picket_observe", "report stack": "picket_build_report"}
FIGURES = ["flash", "RAM", *STACKS]
BUDGETS = {("cortex-m4", BASE): {"flash": 8192, "RAM": 8192}}

SECTION = re.compile(r"^ \.(text|rodata|data|bss)(\.\S+)?\s+0x[0-9a-f]+\s+0x([0-9a-f]+)\s+(\S+)$")
NODE = re.compile(r'node: \{ title: "([^"]+)" label: "[^"]*?(\d+) bytes \(')
EDGE = re.compile(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"')


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit("size.py: %s failed:\n%s" % (command[0], done.stderr))
    return done.stdout


def feature_names():
    return list(dict.fromkeys(name for name, *_ in FEATURES))


def check_knobs():
    """A knob that is misspelt, or a collector that is left out, would be measured as nothing."""
    known = set(re.findall(r"^#ifndef (PICKET_\w+)", KNOBS.read_text(), flags=re.M))
    named = {knob for _, knob, _, _ in FEATURES}
    wrong = named - known | {knob for knob in known if "_COLLECT_" in knob} - named
    if wrong:
        sys.exit("size.py: its features and %s disagree on %s" %
                 (KNOBS.relative_to(ROOT), ", ".join(sorted(wrong))))


def compiled(folder, source, options):
    """The object file; one that was made of the same text is taken again."""
    text = run(COMPILER, *options, "-E", "-P", str(source))
    name = "_".join(source.relative_to(ROOT).with_suffix("").parts)
    made = folder / ("%s-%s.o" % (name, hashlib.sha256(text.encode()).hexdigest()))
    if not made.exists():
        run(COMPILER, *options, "-fcallgraph-info=su", "-c", str(source), "-o", str(made))
    return made


def build(folder, cpu, features):
    """Compiles and links; returns the image, its map and the call graph files."""
    target = ["-mcpu=" + cpu, "-mthumb"]
    knobs = ["-D%s=%d" % (knob, value if name in features else without)
             for name, knob, without, value in FEATURES]
    options = target + COMPILE + knobs + ["-I%s" % (ROOT / path) for path in INCLUDES]
    objects = [compiled(folder, source, options)
               for source in sorted(path for pattern in SOURCES for path in ROOT.glob(pattern))]
    image, plan = folder / "size.elf", folder / "size.map"
    run(COMPILER, *target, *LINK, "-Wl,-Map=%s" % plan, *map(str, objects), "-o", str(image))
    return image, plan, [made.with_suffix(".ci") for made in objects]


def sections(plan):
    """(kind, section, bytes) of each of the module's sections that the linker kept."""
    text = plan.read_text()
    text = text[text.index("Linker script and memory map"):]
    text = re.sub(r"^( \.\S+)\n\s+", r"\1 ", text, flags=re.M)
    for line in text.splitlines():
        found = SECTION.match(line)
        if found and re.search(r"/(wire|device)_\S+\.o$", found[4]) and int(found[3], 16) > 0:
            yield found[1], found[1] + (found[2] or ""), int(found[3], 16)


def storage(image):
    """Bytes of the agent, its flows and its report buffer."""
    sizes = {}
    for line in run("arm-none-eabi-nm", "--print-size", str(image)).splitlines():
        cells = line.split()
        if len(cells) == 4 and cells[3] in MODULE_RAM:
            sizes[cells[3]] = int(cells[1], 16)
    return sizes


def stack(graphs, entry):
    """Bytes of the deepest way of calls from @entry."""
    frames, calls = {}, {}
    for graph in graphs:
        text = graph.read_text()
        frames.update((title, int(size)) for title, size in NODE.findall(text))
        for source, target in EDGE.findall(text):
            calls.setdefault(source, set()).add(target)

    def deepest(name, above):
        below = [deepest(callee, above | {name}) for callee in calls.get(name, ())
                 if callee not in above]
        return frames.get(name, 0) + max(below, default=0)
    return deepest(entry, {entry})


def parts(folder, cpu, features):
    """(the figures, (name, bytes) of all they are made of) of a module with these features."""
    image, plan, graphs = build(folder, cpu, features)
    kept, ram = list(sections(plan)), storage(image)
    stacks = [stack(graphs, entry) for entry in STACKS.values()]
    flash = sum(size for kind, _, size in kept if kind != "bss")
    if len(ram) != len(MODULE_RAM) or flash == 0 or 0 in stacks:
        sys.exit("size.py: the linker's map, symbols or call graph were not understood")
    variables = sum(size for kind, _, size in kept if kind in ("data", "bss"))
    figures = [flash, sum(ram.values()) + variables, *stacks]
    return figures, [(name, size) for _, name, size in kept] + list(ram.items())


def measure_on(cpu):
    """{feature: {figure: what it adds}}"""
    names = feature_names()
    rows, before = {}, [0] * len(FIGURES)
    with tempfile.TemporaryDirectory() as folder:
        for count, name in enumerate(names, 1):
            after, _ = parts(pathlib.Path(folder), cpu, names[:count])
            rows[name] = dict(zip(FIGURES, (a - b for a, b in zip(after, before))))
            before = after
    return rows


def measure():
    """The same for each processor."""
    check_knobs()
    with concurrent.futures.ThreadPoolExecutor(len(CPUS)) as pool:
        return dict(zip(CPUS, pool.map(measure_on, CPUS)))


def compiler():
    return run(COMPILER, "--version").splitlines()[0]


def read_baseline():
    baseline = json.loads(BASELINE.read_text(encoding="utf-8"))
    return baseline.pop("compiler"), baseline


def write_baseline(measured):
    """A line for each feature, so that a change shows which one it is about."""
    lines = ["  \"compiler\": %s" % json.dumps(compiler())]
    for cpu, rows in measured.items():
        cells = ["    %s: %s" % (json.dumps(name), json.dumps(row)) for name, row in rows.items()]
        lines.append("  %s: {\n%s\n  }" % (json.dumps(cpu), ",\n".join(cells)))
    BASELINE.write_text("{\n%s\n}\n" % ",\n".join(lines), encoding="utf-8")


def flat(figures):
    return {(cpu, feature, name): size for cpu, rows in figures.items()
            for feature, row in rows.items() for name, size in row.items()}


def growth(measured, baseline):
    """In words, each figure that the baseline does not allow, or has and was not measured."""
    now, allowed = flat(measured), flat(baseline)
    words = []
    for key in sorted(now.keys() | allowed.keys()):
        name = "%s, %s, %s" % key
        if key not in allowed:
            words.append("%s: %d bytes, not in the baseline" % (name, now[key]))
        elif key not in now:
            words.append("%s: in the baseline, not measured" % name)
        elif now[key] > allowed[key]:
            words.append("%s: %d bytes, baseline %d: GROWN" % (name, now[key], allowed[key]))
    return words


def excess(measured):
    """In words, each budget that is exceeded."""
    return ["%s, %s, %s: %d bytes, budget %d: EXCEEDED" %
            (cpu, feature, name, measured[cpu][feature][name], budget)
            for (cpu, feature), row in BUDGETS.items() for name, budget in row.items()
            if measured[cpu][feature][name] > budget]


def print_table(measured, baseline):
    """All figures; behind those that differ, in brackets, the baseline."""
    allowed = flat(baseline)
    for cpu, rows in measured.items():
        print("%-14s" % cpu + "".join("%16s" % name for name in FIGURES))
        for feature, row in rows.items():
            cells = ["%d" % size if allowed.get((cpu, feature, name)) in (size, None) else
                     "(%d) %d" % (allowed[cpu, feature, name], size) for name, size in row.items()]
            print("  %-12s" % feature + "".join("%16s" % cell for cell in cells))
            budgets = BUDGETS.get((cpu, feature), {})
            if budgets:
                print("  %-12s" % "  budget" + "".join("%16s" % budgets.get(name, "")
                                                       for name in FIGURES).rstrip())
        totals = [sum(row[name] for row in rows.values()) for name in FIGURES]
        print("  %-12s" % "all of it" + "".join("%16d" % total for total in totals))


def print_details():
    for cpu in CPUS:
        print(cpu)
        with tempfile.TemporaryDirectory() as folder:
            _, kept = parts(pathlib.Path(folder), cpu, [BASE])
        for name, size in sorted(kept, key=lambda part: -part[1]):
            print("%6d  %s" % (size, name))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--details", action="store_true", help="list every section of the base")
    choice.add_argument("--update", action="store_true", help="write the baseline anew")
    arguments = parser.parse_args()
    if arguments.details:
        print_details()
        return
    measured = measure()
    if arguments.update:
        write_baseline(measured)
    noted, baseline = read_baseline()
    is_comparable = noted == compiler()
    print_table(measured, baseline if is_comparable else {})
    wrong = excess(measured) + (growth(measured, baseline) if is_comparable else [])
    if not is_comparable:
        print("The baseline is of %s, this is %s:\ncompared with budgets only." %
              (noted, compiler()))
    elif flat(measured) != flat(baseline) and not wrong:
        print("Less than the baseline: ./dev size --update notes it.")
    print("\n".join(wrong) or "No growth, no budget exceeded.")
    sys.exit(len(wrong) > 0)


if __name__ == "__main__":
    main()
