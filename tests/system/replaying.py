# SPDX-License-Identifier: MIT
"""The picket binary and the captures, for the tests that replay."""
import csv
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PICKET = Path(os.environ.get("PICKET_BIN") or ROOT / "build/dev/cli/picket")
DATA = Path(os.environ.get("PICKET_TEST_DATA") or ROOT.parent / "shared/data").resolve()
CAPTURES = DATA / "captures"
SECONDS_MAX = 60
PROCESSES = 2

needs_picket = pytest.mark.skipif(not PICKET.exists(), reason=f"no binary at {PICKET}")
needs_data = pytest.mark.skipif(
    not (CAPTURES / "MANIFEST.tsv").exists(),
    reason=f"no captures at {CAPTURES}; set PICKET_TEST_DATA",
)


def replay(*arguments):
    """Runs `picket replay`; a hang is an error."""
    command = [str(PICKET), "replay", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, timeout=SECONDS_MAX, check=False)


def in_parallel(function, items):
    """What `function` returned for each item, a few at a time."""
    with ThreadPoolExecutor(PROCESSES) as pool:
        return list(pool.map(function, items))


def captures(is_wanted):
    """Manifest rows for which is_wanted(group, row)."""
    with open(CAPTURES / "MANIFEST.tsv", newline="", encoding="utf-8") as text:
        rows = list(csv.DictReader(text, delimiter="\t"))
    return [row for row in rows if is_wanted(row["file"].split("/")[0], row)]


def truth_path(row):
    """The truth table beside a capture, packed or not."""
    plain = CAPTURES / "truth" / (row["file"] + ".flows.tsv")
    return plain if plain.exists() else plain.with_name(plain.name + ".gz")
