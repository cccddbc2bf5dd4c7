#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What flows take in the store, and how long it takes to find some.

usage: bench_store.py [FLOWS]

Fills a store with the flows of two thousand devices over eight days, seals all
days but the last, and asks for flows of devices and with peers whose files are
not in memory; beside it, a plain table of SQLite with the same flows
(tests/bench/store). Then the bytes of a flow of real devices: labelled
connections, and captures that are replayed to a service, where ../shared/data
is there.
"""
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = pathlib.Path(os.environ.get("PICKET_TEST_DATA") or ROOT.parent / "shared/data").resolve()
BENCH = ROOT / "build/release/tests/bench/store/bench_store"
PICKET = ROOT / "build/release/cli/picket"
DEVICES_AT_WORK = ("iot_*", "attack_*", "composite", "doh", "hygiene", "rtos")
START_S = 30


def run(*arguments):
    subprocess.run([str(argument) for argument in (BENCH, *arguments)], check=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(data):
    """A service of its own, and its address."""
    url = f"127.0.0.1:{free_port()}"
    process = subprocess.Popen([PICKET, "serve", "--data", data, "--listen", url],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + START_S
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", int(url.split(":")[1]))) == 0:
                return process, "http://" + url
        if time.monotonic() > end or process.poll() is not None:
            sys.exit("bench_store.py: the service did not start")
        time.sleep(0.05)


def replay_captures(folder):
    process, url = start(folder)
    refused = 0
    try:
        for pattern in DEVICES_AT_WORK:
            for capture in sorted((DATA / "captures").glob(pattern + "/**/*.pcap*")):
                ran = subprocess.run([PICKET, "replay", "--to", url, capture], check=False,
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                refused += ran.returncode != 0
    finally:
        process.terminate()
        process.wait()
    if refused:
        print(f"{refused} captures have no host to be replayed as a device")


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="picket-bench-"))
    try:
        run(folder / "made", *sys.argv[1:])
        if not DATA.exists():
            print("skipped: labelled connections and captures, for ../shared/data is not there")
            return
        run(folder / "labelled", "labelled", *sorted((DATA / "flows_labelled").glob("*.csv")))
        replay_captures(folder / "captures")
        run(folder / "captures", "size", "captures of devices")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
