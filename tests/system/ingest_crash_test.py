# SPDX-License-Identifier: MIT
"""Under the full load of a fleet nothing acknowledged is lost or counted twice, whatever happens to
the service: it is killed, its disk is full or read-only, its clock is set back."""
import os
import random
import socket
import subprocess
import time
import urllib.request
from email.utils import parsedate_to_datetime

import pytest

from fleet import Fleet, check_each, wait_until

CLOCK_LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
SHIFTS = {"-1d": 1, "-30d": 30, "+0": 0}  # days behind


def free_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


@pytest.fixture
def fixed(service):
    """A service that starts on the same ports again, for HTTP and for MQTT."""
    service.mqtt = free_address()
    service.start("--listen", free_address(), "--mqtt-listen", service.mqtt, "--mqtt-rate", "1000")
    return service


@pytest.fixture(params=["http", "mqtt"])
def fleet(request, fixed, picket, tmp_path):
    """Devices that report to it, by each way."""
    url = fixed.url if request.param == "http" else f"mqtt://{fixed.mqtt}"
    return Fleet(picket, tmp_path, url, "--api", fixed.url).start()


def reports(service):
    """How many were stored since it started; None if it does not answer."""
    try:
        return service.get("/v1/status")["pipeline"]["reports"]
    except OSError:
        return None


def test_every_acknowledged_report_is_there_once_after_kills_under_full_load(
        fixed, fleet, kills):
    random.seed()
    for _ in range(kills):
        assert wait_until(lambda: (reports(fixed) or 0) > 50)
        time.sleep(random.uniform(0, 0.5))
        fixed.kill()
        fixed.restart()
    assert wait_until(lambda: (reports(fixed) or 0) > 50)
    said = fleet.end()
    assert " 0 lost, 0 twice" in said, said
    assert " 0 connections lost" not in said, "the kills disturbed nobody"
    assert check_each(fixed, fleet) > 50 * kills
    fixed.kill()
    fixed.restart()
    assert fleet.check().returncode == 0
    check_each(fixed, fleet)


def mount(folder, options):
    return subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder],
                          capture_output=True, text=True, check=False)


@pytest.fixture
def small_disk(service):
    """The data folder is a disk of 8 MB, of which some is kept back."""
    service.data.mkdir()
    made = mount(service.data, "size=8m,mode=0700") if os.geteuid() == 0 else None
    if made is None or made.returncode != 0:
        pytest.skip("a small disk can't be made here")
    (service.data / "reserve").write_bytes(bytes(2 << 20))
    yield service.data
    if service.process is not None and service.process.poll() is None:
        service.kill()
    subprocess.run(["umount", service.data], check=True)


def fill(path):
    """Takes all room there is."""
    try:
        with open(path, "wb") as file:
            while True:
                file.write(bytes(4096))
                file.flush()
    except OSError:
        pass


def test_full_disk_stops_acknowledging_and_nothing_is_lost_when_it_is_killed_then(
        small_disk, fleet, fixed):
    assert wait_until(lambda: (reports(fixed) or 0) > 50)
    fill(small_disk / "ballast")
    assert wait_until(lambda: fixed.get("/v1/status")["reports_refused"]["busy"] > 0)
    fixed.kill()
    for name in ("reserve", "ballast"):
        (small_disk / name).unlink(missing_ok=True)
    fixed.restart()
    assert wait_until(lambda: (reports(fixed) or 0) > 50), "it goes on when there is room"
    said = fleet.end()
    assert " 0 lost, 0 twice" in said, said
    assert " 0 put off" not in said or " 0 connections lost" not in said, "it had room all the time"
    assert check_each(fixed, fleet) > 0


def test_read_only_folder_is_told_and_nothing_is_lost(small_disk, fixed, picket, tmp_path):
    fleet = Fleet(picket, tmp_path, fixed.url).start()
    assert wait_until(lambda: (reports(fixed) or 0) > 50)
    fixed.kill()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(AssertionError) as refused:
        fixed.start()
    assert "picket: " in str(refused.value) and "read" in str(refused.value)
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    fixed.start()
    assert wait_until(lambda: (reports(fixed) or 0) > 50)
    said = fleet.end()
    assert " 0 lost, 0 twice" in said, said
    assert check_each(fixed, fleet) > 0


def behind(service):
    """How many days the service's clock is behind."""
    with urllib.request.urlopen(service.url + "/v1/status", timeout=10) as reply:
        told = parsedate_to_datetime(reply.headers["Date"])
    return round((time.time() - told.timestamp()) / 86400)


def test_clock_that_is_set_back_loses_nothing(service, picket, tmp_path, monkeypatch):
    if not os.path.exists(CLOCK_LIBRARY):
        pytest.skip("libfaketime is not installed")
    clock = tmp_path / "clock"
    clock.write_text("+0\n", encoding="ascii")
    service.command = ["env", f"LD_PRELOAD={CLOCK_LIBRARY}", f"FAKETIME_TIMESTAMP_FILE={clock}",
                       "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1",
                       "ASAN_OPTIONS=verify_asan_link_order=0", *service.command]
    service.start()
    fleet = Fleet(picket, tmp_path, service.url).start()
    assert wait_until(lambda: (reports(service) or 0) > 50)
    for shift in SHIFTS:
        clock.write_text(shift + "\n", encoding="ascii")
        assert wait_until(lambda days=SHIFTS[shift]: behind(service) == days), shift
        before = reports(service)
        assert wait_until(lambda before=before: reports(service) > before + 200), shift
    said = fleet.end()
    assert " 0 lost, 0 twice" in said, said
    assert check_each(service, fleet) > 0
