# SPDX-License-Identifier: MIT
"""What the device module costs is what its baseline says, and growth is seen."""
import copy
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import size  # noqa: E402

pytestmark = pytest.mark.skipif(shutil.which(size.COMPILER) is None,
                                reason=f"{size.COMPILER} is not installed")


@pytest.fixture(scope="module")
def measured():
    return size.measure()


@pytest.fixture(scope="module")
def baseline():
    compiler, figures = size.read_baseline()
    if compiler != size.compiler():
        pytest.skip(f"the baseline is of {compiler}")
    return figures


def test_nothing_has_grown_beyond_the_baseline(measured, baseline):
    assert size.growth(measured, baseline) == []


def test_no_budget_is_exceeded(measured):
    assert size.excess(measured) == []


@pytest.mark.parametrize("cpu", size.CPUS)
@pytest.mark.parametrize("figure", size.FIGURES)
def test_a_byte_more_than_the_baseline_is_growth(measured, cpu, figure):
    doctored = copy.deepcopy(measured)
    doctored[cpu]["dns"][figure] -= 1
    words = size.growth(measured, doctored)
    assert len(words) == 1
    assert words[0].startswith(f"{cpu}, dns, {figure}: ")
    assert words[0].endswith("GROWN")


def test_what_only_the_baseline_or_only_the_module_has_is_seen(measured):
    doctored = copy.deepcopy(measured)
    doctored["cortex-m4"]["no such feature"] = doctored["cortex-m4"].pop("tls")
    words = size.growth(measured, doctored)
    assert len(words) == 2 * len(size.FIGURES)
    assert "cortex-m4, no such feature, flash: in the baseline, not measured" in words


def test_a_byte_more_than_a_budget_is_seen(measured):
    fat = copy.deepcopy(measured)
    fat["cortex-m4"]["base"]["flash"] = 8193
    assert size.excess(fat) == ["cortex-m4, base, flash: 8193 bytes, budget 8192: EXCEEDED"]


def test_each_feature_costs_flash_on_each_processor(measured):
    assert all(row["flash"] > 0 for rows in measured.values() for row in rows.values())


def test_the_command_fails_on_growth_says_what_and_passes_without(measured, monkeypatch, capsys,
                                                                  tmp_path):
    monkeypatch.setattr(size, "BASELINE", tmp_path / "baseline.json")
    monkeypatch.setattr(size, "measure", lambda: measured)
    monkeypatch.setattr(sys, "argv", ["size.py", "--update"])
    with pytest.raises(SystemExit) as ended:
        size.main()
    assert ended.value.code == 0
    fat = copy.deepcopy(measured)
    fat["cortex-m33"]["listen"]["RAM"] += 4
    monkeypatch.setattr(size, "measure", lambda: fat)
    monkeypatch.setattr(sys, "argv", ["size.py"])
    with pytest.raises(SystemExit) as ended:
        size.main()
    assert ended.value.code == 1
    assert "cortex-m33, listen, RAM: " in capsys.readouterr().out
