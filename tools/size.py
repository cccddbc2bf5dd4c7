#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the device module costs on a Cortex-M4, beside its budgets.

usage: size.py [--details]

Links tests/size/main.c with the module for a Cortex-M4, unused sections thrown
out, and counts what stays: the module and its storage, not libc and not the
reference program. Stack is the deepest way of calls within the module; the
port's functions and libc are not in it. The budgets are for the module without
the collectors of facts; what each of these adds, the first one with the table
of facts, stands behind. Exits 1 if a budget is exceeded.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMPILER = "arm-none-eabi-gcc"
TARGET = ["-mcpu=cortex-m4", "-mthumb"]
COMPILE = TARGET + ["-std=c99", "-Os", "-ffunction-sections", "-fdata-sections",
                    "-fcallgraph-info=su", "-c"]
LINK = TARGET + ["--specs=nosys.specs", "-nostartfiles", "-Wl,--gc-sections", "-Wl,--entry=main",
                 "-Wl,--no-warn-rwx-segments"]
INCLUDES = ["device/include", "wire/include", "device/src", "wire/src"]
SOURCES = ["wire/src/*.c", "device/src/*.c", "device/collectors/*.c"]
MODULE_RAM = ["size_agent", "size_ipv4_flows", "size_ipv6_flows", "size_facts", "size_report"]
FACTS = ["METRIC", "EVENT", "START", "LISTEN", "DNS", "TLS"]
ENTRIES = ["picket_observe", "picket_build_report"]
BUDGETS = {"flash": 8192, "RAM": 8192}

SECTION = re.compile(r"^ \.(text|rodata|data|bss)(\.\S+)?\s+0x[0-9a-f]+\s+0x([0-9a-f]+)\s+(\S+)$")
NODE = re.compile(r'node: \{ title: "([^"]+)" label: "[^"]*?(\d+) bytes \(')
EDGE = re.compile(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"')


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit("size.py: %s failed:\n%s" % (command[0], done.stderr))
    return done.stdout


def build(folder, collectors):
    """Compiles and links; returns the image, its map and the call graph files."""
    knobs = ["-DPICKET_COLLECT_%s=%d" % (name, name in collectors) for name in FACTS]
    objects = []
    for pattern in SOURCES + ["tests/size/main.c"]:
        for source in sorted(ROOT.glob(pattern)):
            name = folder / ("_".join(source.relative_to(ROOT).with_suffix("").parts) + ".o")
            run(COMPILER, *COMPILE, *knobs, *["-I%s" % (ROOT / path) for path in INCLUDES],
                str(source), "-o", str(name))
            objects.append(str(name))
    image, plan = folder / "size.elf", folder / "size.map"
    run(COMPILER, *LINK, "-Wl,-Map=%s" % plan, *objects, "-o", str(image))
    return image, plan, sorted(folder.glob("*.ci"))


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


def measure(collectors):
    """(sections kept, storage, deepest stack by entry) of a module with these collectors."""
    with tempfile.TemporaryDirectory() as folder:
        image, plan, graphs = build(pathlib.Path(folder), collectors)
        return (list(sections(plan)), storage(image),
                {entry: stack(graphs, entry) for entry in ENTRIES})


def flash(kept):
    return sum(size for kind, _, size in kept if kind != "bss")


def print_facts(flash_without):
    """What the collectors add, one after the other."""
    for count, name in enumerate(FACTS, 1):
        kept, _, stacks = measure(FACTS[:count])
        print("flash  %5d bytes more with %s" % (flash(kept) - flash_without, name.lower()))
        flash_without = flash(kept)
    for entry, size in stacks.items():
        print("stack  %5d bytes, %s, with all of them" % (size, entry))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--details", action="store_true", help="list every section")
    details = parser.parse_args().details
    kept, ram, stacks = measure([])
    for kind, name, size in sorted(kept, key=lambda row: -row[2]) if details else ():
        print("%6d  %s" % (size, name))
    for name, size in ram.items() if details else ():
        print("%6d  %s" % (size, name))
    reached = {
        "flash": flash(kept),
        "RAM": sum(ram.values()) + sum(size for kind, _, size in kept if kind in ("data", "bss")),
    }
    if len(ram) != len(MODULE_RAM) or reached["flash"] == 0:
        sys.exit("size.py: the linker's map or symbols were not understood")
    for name, size in reached.items():
        print("%-6s %5d bytes, budget %5d%s" %
              (name, size, BUDGETS[name], "" if size <= BUDGETS[name] else ": EXCEEDED"))
    for entry, size in stacks.items():
        print("stack  %5d bytes, %s" % (size, entry))
    print_facts(reached["flash"])
    sys.exit(any(size > BUDGETS[name] for name, size in reached.items()))


if __name__ == "__main__":
    main()
