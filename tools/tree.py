# SPDX-License-Identifier: MIT
"""The files of the project, for the checks: found below the folder that holds tools/."""
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
NOT_OURS = {"build", ".git", ".cache", "__pycache__"}


def files(*suffixes):
    """Every file with one of the suffixes, as paths from ROOT, sorted."""
    def walk(folder):
        for path in sorted(folder.iterdir()):
            if path.is_symlink() or path.name in NOT_OURS:
                continue
            if path.is_dir():
                yield from walk(path)
            elif path.name.endswith(suffixes):
                yield path.relative_to(ROOT)
    return list(walk(ROOT))


def lines(path):
    """(number, line) of a file named from ROOT."""
    text = (ROOT / path).read_text(encoding="utf-8", errors="replace")
    return enumerate(text.splitlines(), 1)


def finish(violations):
    """Prints what was found; the exit status tells whether it was nothing."""
    for violation in violations:
        print(violation)
    sys.exit(1 if violations else 0)
