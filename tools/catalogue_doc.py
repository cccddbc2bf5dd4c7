#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""usage: catalogue_doc.py [--check] — docs/catalogue.md from spec/catalogue.json.

--check writes nothing, and fails if the page is not what it should be.
"""
import json
import sys

import tree

SOURCE = tree.ROOT / "spec/catalogue.json"
PAGE = tree.ROOT / "docs/catalogue.md"

FAMILIES = {
    "TI": "Threat intelligence",
    "ID": "Identity and session",
    "CA": "Rules of a security group",
    "LB": "Learned baseline",
    "NB": "Network behaviour",
    "DEV": "Device integrity and visibility",
    "SRV": "Service",
    "REC": "Recommendations",
}

HEAD = """<!-- SPDX-License-Identifier: MIT -->
<!-- Made by tools/catalogue_doc.py from spec/catalogue.json: change it there. -->
# Catalogue of alert and recommendation types

Every alert and every recommendation has one of these types. `picket explain TYPE` shows the same
text. A type is

- **active**: this build raises it;
- **preview**: this build raises it, and its false-alert rate is not measured yet;
- **planned**: this build does not raise it.

ATT&CK ids are of release {attack_version}.
"""


def family(entry):
    return entry["id"].split("_")[0]


def code(names):
    return ", ".join(f"`{name}`" for name in names)


def overview(types):
    yield "| type | state | severity | name |"
    yield "|---|---|---|---|"
    for entry in types:
        link = f"[`{entry['id']}`](#{entry['id'].lower()})"
        yield f"| {link} | {entry['state']} | {entry['severity']} | {entry['name']} |"


def parameters(entry):
    if entry["parameters"]:
        yield "\n| parameter | default |"
        yield "|---|---|"
    for row in entry["parameters"]:
        yield f"| `{row['name']}` | {' '.join(filter(None, (row['default'], row['unit'])))} |"


def references(entry):
    rows = {
        "ATT&CK Enterprise": code(entry["attack"]["enterprise"]),
        "ATT&CK ICS": code(entry["attack"]["ics"]),
        "Standards": "; ".join(entry["standards"]),
        "In the retired service": code(entry["legacy"]),
    }
    lines = [f"- {name}: {text}" for name, text in rows.items() if text]
    if lines:
        yield ""
        yield from lines


def section(entry):
    yield f"\n### {entry['id']}\n"
    yield f"**{entry['name']}** · {entry['state']} · version {entry['version']}\n"
    yield entry["description"]
    yield f"\nSeverity: **{entry['severity']}**. {entry['severity_note']}".rstrip()
    yield from parameters(entry)
    yield "\nWhat to do:\n"
    yield from (f"{number}. {step}" for number, step in enumerate(entry["remediation"], 1))
    yield from references(entry)


def page():
    catalogue = json.loads(SOURCE.read_text(encoding="utf-8"))
    lines = [HEAD.format(**catalogue)]
    for prefix, heading in FAMILIES.items():
        types = [entry for entry in catalogue["types"] if family(entry) == prefix]
        lines += [f"## {heading}\n", *overview(types)]
        for entry in types:
            lines += section(entry)
        lines.append("")
    return "\n".join(lines)


def main():
    if sys.argv[1:] == ["--check"]:
        is_same = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page()
        tree.finish([] if is_same else
                    ["docs/catalogue.md:1: not made from the present spec/catalogue.json; "
                     "run tools/catalogue_doc.py"])
    elif sys.argv[1:]:
        sys.exit(__doc__)
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")


main()
