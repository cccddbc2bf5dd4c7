# SPDX-License-Identifier: MIT
"""The demo ends with an alert, fails without one, and leaves nothing behind."""
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path):
    """What the demo needs, and a place for its temporary files."""
    for name in ("tools", "examples"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "temporary").mkdir()
    return tmp_path


def start(picket, folder, **options):
    return subprocess.Popen(
        [folder / "tools/demo.sh"], text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, start_new_session=True,
        env={**os.environ, "PICKET_BIN": str(picket), "TMPDIR": str(folder / "temporary")},
        **options)


def left_behind(demo, folder):
    """Temporary files, and processes of the demo's session that don't end by themselves soon."""
    for _ in range(50):
        ran = subprocess.run(["ps", "-s", str(demo.pid), "-o", "args="], capture_output=True,
                             text=True, check=False, timeout=10)
        if ran.stdout == "":
            break
        time.sleep(0.1)
    return list((folder / "temporary").iterdir()) + ran.stdout.splitlines()


def test_it_shows_the_device_the_alerts_and_the_evidence(picket, folder):
    demo = start(picket, folder)
    printed, _ = demo.communicate(timeout=60)
    assert demo.returncode == 0, printed
    for words in ("camera-1", "TI_IP_MATCH", "198.51.100.7 in demo.txt", "REC_CLEARTEXT",
                  "picket explain TI_IP_MATCH"):
        assert words in printed
    assert left_behind(demo, folder) == []


def test_without_an_alert_it_fails(picket, folder):
    (folder / "examples/lists/demo.txt").write_text("192.0.2.99\n", encoding="utf-8")
    demo = start(picket, folder)
    printed, _ = demo.communicate(timeout=60)
    assert demo.returncode == 1
    assert "demo: no alert came of camera-1" in printed
    assert left_behind(demo, folder) == []


def test_interrupted_it_cleans_up(picket, folder):
    demo = start(picket, folder)
    assert any("listening on" in line for line in demo.stdout)
    os.killpg(demo.pid, signal.SIGINT)
    demo.communicate(timeout=60)
    assert demo.returncode != 0
    assert left_behind(demo, folder) == []
