#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Who may include whom: holds every #include of the code against tools/layers.txt."""
import re

import tree

MAP = "tools/layers.txt"
CODE = ("wire", "device", "service", "cli")
INCLUDE = re.compile(r'\s*#\s*include\s+(<[^>]+>|"[^"]+")')
INCLUDE_ROOTS = ("", "service", "wire/include", "device/include", "wire/src", "device/src",
                 "device/ports/linux")


def read_map():
    """({layer: layers it may include}, {layer: system headers it may use})"""
    include, use = {}, {}
    for number, line in tree.lines(MAP):
        if not line.strip() or line.startswith("#"):
            continue
        match = re.fullmatch(r"(\S+)\s+may (include|use)\b\s*(.*)", line)
        if match is None:
            tree.finish([f"{MAP}:{number}: not a rule; allowed are "
                         "\"LAYER may include LAYER…\" and \"LAYER may use <header>…\""])
        (include if match[2] == "include" else use)[match[1]] = set(match[3].split())
    return include, use


def close(include):
    """What a layer may include brings what that one may include."""
    def reach(layer):
        below = set(include[layer])
        return below.union(*(reach(other) for other in below))
    return {layer: reach(layer) for layer in include}


def layer_of(path, layers):
    owners = [layer for layer in layers if path.is_relative_to(layer)]
    return max(owners, key=len, default=None)


def resolve(path, name):
    """The project's file that an include of path means, or None."""
    for root in (path.parent, *INCLUDE_ROOTS):
        if (tree.ROOT / root / name).is_file():
            return (tree.ROOT / root / name).resolve().relative_to(tree.ROOT)
    return None


def fault(path, layer, include, use, target):
    if target.startswith("<"):
        allowed = use.get(layer)
        if allowed is None or target in allowed:
            return None
        return f"{layer} may not include {target}; allowed are {' '.join(sorted(allowed))}"
    found = resolve(path, target.strip('"'))
    if found is None:
        return f"{target} is no file of the project; allowed are rooted paths"
    other = layer_of(found, include)
    if other == layer or other in include[layer]:
        return None
    return (f"{layer} may not include {other or found}; "
            f"allowed are {' '.join(sorted(include[layer])) or 'none'}")


def check_file(path, include, use):
    layer = layer_of(path, include)
    if layer is None:
        return [f"{path}:1: in no layer; allowed are the folders of {MAP}"]
    violations = []
    for number, line in tree.lines(path):
        match = INCLUDE.match(line)
        reason = match and fault(path, layer, include, use, match[1])
        if reason:
            violations.append(f"{path}:{number}: {reason}")
    return violations


include, use = read_map()
include = close(include)
sources = [path for path in tree.files(".c", ".h") if path.parts[0] in CODE]
tree.finish([violation for path in sources for violation in check_file(path, include, use)])
