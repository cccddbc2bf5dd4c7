#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What ARCHITECTURE.md names in backquotes exists: paths, functions, types and macros."""
import re

import tree

DOCUMENT = "ARCHITECTURE.md"
PATH = re.compile(r"[\w.-]+(/[\w.-]+)*/?")
NAME = re.compile(r"[A-Za-z]\w*_\w+(?=(\(\))?$)")
STRUCT = re.compile(r"(struct|enum) \w+")


def declared():
    """All headers in one text: what they do not say is not there."""
    headers = [path for path in tree.files(".h") if path.parts[0] != "tests"]
    return "\n".join((tree.ROOT / path).read_text(encoding="utf-8") for path in headers)


def fault(token, headers):
    """Why the token is wrong, or None; what is neither path nor name is prose."""
    if "/" in token and PATH.fullmatch(token):
        return None if (tree.ROOT / token).exists() else f"there is no file or folder {token}"
    if STRUCT.fullmatch(token):
        return None if re.search(rf"\b{token}\b", headers) else f"no header has {token}"
    name = NAME.match(token)
    if name:
        known = re.search(rf"\b{name[0]}\b", headers)
        return None if known else f"no header declares {name[0]}"
    return None


headers = declared()
violations = []
for number, line in tree.lines(DOCUMENT):
    for token in re.findall(r"`([^`]+)`", line):
        reason = fault(token, headers)
        if reason:
            violations.append(f"{DOCUMENT}:{number}: {reason}; allowed is what exists")
tree.finish(violations)
