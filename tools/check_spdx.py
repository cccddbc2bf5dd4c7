#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every file whose format has comments carries an SPDX line among its first three."""
import itertools

import tree

SUFFIXES = (".c", ".h", ".py", ".sh", ".cmake", "CMakeLists.txt", ".css", ".js", ".html", ".cddl",
            ".yaml", ".scn", ".sql", ".ini", ".clang-tidy", "layers.txt")
PROGRAMS = ("dev", ".ci/run")
WANTED = "SPDX-License-Identifier: MIT"


def has_line(path):
    return any(WANTED in line for _, line in itertools.islice(tree.lines(path), 3))


tree.finish([f"{path}:1: no SPDX line; allowed is a comment with \"{WANTED}\" at the top"
             for path in (*tree.files(*SUFFIXES), *PROGRAMS) if not has_line(path)])
