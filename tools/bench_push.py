#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How many single indicators a second are pushed into a service, each on disk before its answer.

usage: bench_push.py [--build FOLDER] [--pushes N]

Prints how often a second the disk can be forced to keep what is written, then a line for one
client and one for 32 at a time:

    force TIMES_PER_SECOND
    push CLIENTS PUSHES_PER_SECOND MEDIAN_MS P99_MS
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
FORCES = 200
CLIENTS = (1, 32)
START_S = 20


def force_rate(folder):
    with open(folder / "forced", "wb", buffering=0) as file:
        start = time.monotonic()
        for _ in range(FORCES):
            file.write(b"x" * 100)
            os.fdatasync(file.fileno())
        return FORCES / (time.monotonic() - start)


def wait_for_url(service, log):
    end = time.monotonic() + START_S
    while time.monotonic() < end and service.poll() is None:
        found = re.search(r"listening on (http://\S+?),", log.read_text(encoding="utf-8"))
        if found:
            return found[1]
        time.sleep(0.02)
    raise SystemExit("bench_push: the service did not start:\n" + log.read_text(encoding="utf-8"))


def measure(build, folder, pushes):
    log = folder / "log"
    with open(log, "w", encoding="utf-8") as output:
        service = subprocess.Popen([build / "cli/picket", "serve", "--listen", "127.0.0.1:0",
                                    "--data", folder / "data"], stdout=output, stderr=output)
    try:
        feed = wait_for_url(service, log) + "/v1/feeds/bench"
        urllib.request.urlopen(urllib.request.Request(
            feed, method="PUT", data=json.dumps({"from": "push"}).encode(),
            headers={"Content-Type": "application/json"})).close()
        for clients in CLIENTS:
            count = pushes if clients > 1 else pushes // 10
            subprocess.run([build / "tests/bench/feed/bench_push", f"{feed}/indicators",
                            str(clients), str(count)], check=True)
    finally:
        service.terminate()
        service.wait()


def main():
    parser = argparse.ArgumentParser(description="pushes a second")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--pushes", type=int, default=20000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        print(f"force {force_rate(folder):.0f}", flush=True)
        measure(options.build, folder, options.pushes)


if __name__ == "__main__":
    main()
