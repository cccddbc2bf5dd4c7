#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: errors_doc.py [--check] — docs/errors.md from the list in wire/include/picket/status.h."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
ROW = re.compile(r'X\((PICKET_\w+), (-?\d+), "([^"]+)"\)')
HEAD = """# Statuses

What functions of Picket return, from the one list in `wire/include/picket/status.h`
(made by `tools/errors_doc.py`). Zero is good; each negative value names one cause.

| Status | Value | Cause |
|---|---|---|
"""

rows = ROW.findall((ROOT / "wire/include/picket/status.h").read_text(encoding="utf-8"))
text = HEAD + "".join(f"| `{name}` | {value} | {cause} |\n" for name, value, cause in rows)
document = ROOT / "docs/errors.md"
if sys.argv[1:] == ["--check"]:
    if not document.exists() or document.read_text(encoding="utf-8") != text:
        sys.exit("docs/errors.md:1: not what tools/errors_doc.py makes of status.h; run it")
else:
    document.write_text(text, encoding="utf-8")
