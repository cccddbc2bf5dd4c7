#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reports a second that the service acknowledges, beside mosquitto on the same messages.

usage: bench_ingest.py [--seconds N] [--devices N] [--indicators N]

A simulated fleet reports as fast as it is acknowledged: ten flows each, decoded,
matched against the indicators, judged by rules, and stored; acknowledged after
the commit that is on disk. Its peers are the same again and again
(examples/sim/ten-flows.ini), and then most are new in each report
(new-peers.ini). At the end the service is asked for every report. The same
fleet then publishes the same reports with QoS 1 to mosquitto, which keeps and
looks at nothing. Service or broker and fleet share the processors of this
machine.

Fails if a report is lost or counted twice; the goal is told, and not enforced.
"""
import argparse
import os
import pathlib
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PICKET = ROOT / "build/release/cli/picket"
SAME_PEERS = ROOT / "examples/sim/ten-flows.ini"
NEW_PEERS = ROOT / "examples/sim/new-peers.ini"
GOAL = 10000  # reports/s
START_S = 120
WARM_SHARE = 0.2  # of the run: caches are full, so what grows after that is no cache
TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A process that is measured beside the fleet."""

    def __init__(self, command, port, log):
        self.log = log
        with open(log, "w", encoding="utf-8") as file:
            self.process = subprocess.Popen(command, stdout=file, stderr=file)
        end = time.monotonic() + START_S
        while not self.answers(port):
            if time.monotonic() > end or self.process.poll() is not None:
                sys.exit("bench_ingest.py: it did not start:\n" + log.read_text("utf-8"))
            time.sleep(0.05)

    @staticmethod
    def answers(port):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def cpu_s(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text("ascii")
        fields = fields.rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory_mib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text("ascii")
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def stop(self):
        self.process.terminate()
        self.process.wait()


def write_indicators(path, count):
    """Public addresses, none of which the scenario's peers are by design."""
    chance = random.Random(1)
    with open(path, "w", encoding="ascii") as file:
        for address in chance.sample(range(0x0B000000, 0x33000000), count):
            file.write(".".join(str(address >> shift & 255) for shift in (24, 16, 8, 0)) + "\n")


def run_fleet(server, options, url, extra, scenario):
    """What it said, and the server's memory, in MiB, once it is warm and at the end."""
    command = [PICKET, "sim", "--to", url, "--devices", str(options.devices), "--seconds",
               str(options.seconds), "--scenario", scenario, "--connections", "480", *extra]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True) as fleet:
        time.sleep(options.seconds * WARM_SHARE)
        warm = server.memory_mib()
        said, _ = fleet.communicate()
    if fleet.returncode != 0:
        sys.exit(f"bench_ingest.py: {' '.join(map(str, command))}: {said}")
    return said, warm, server.memory_mib()


def measure(name, server, options, url, extra, scenario=SAME_PEERS):
    """A row of the table: the fleet reports to a server for a while."""
    cpu = server.cpu_s()
    said, warm, end = run_fleet(server, options, url, extra, scenario)
    found = re.search(r"(\d+) reports acknowledged in ([\d.]+) s", said)
    rate = int(found[1]) / float(found[2])
    print(f"{name:38} {rate:10,.0f} {(server.cpu_s() - cpu) / float(found[2]):6.2f} "
          f"{warm:9.0f} {end:7.0f}   {said.splitlines()[-1]}", flush=True)
    return rate


def measure_service(folder, options, is_mqtt, scenario=SAME_PEERS):
    """A new one: each run begins with nothing stored."""
    port, mqtt_port = free_port(), free_port()
    data = pathlib.Path(tempfile.mkdtemp(dir=folder))
    http = f"http://127.0.0.1:{port}"
    server = Server([PICKET, "serve", "--listen", f"127.0.0.1:{port}", "--data", data, "--intel",
                     folder / "indicators.txt", "--mqtt-listen", f"127.0.0.1:{mqtt_port}",
                     "--mqtt-rate", "100000"], port, folder / "service.log")
    name = "the service, " + ("MQTT QoS 1" if is_mqtt else "HTTP")
    name += ", new peers" if scenario == NEW_PEERS else ""
    url = f"mqtt://127.0.0.1:{mqtt_port}" if is_mqtt else http
    rate = measure(name, server, options, url, ["--api", http], scenario)
    server.stop()
    return rate


def measure_broker(folder, options):
    port = free_port()
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n",
                      encoding="ascii")
    server = Server(["mosquitto", "-c", config], port, folder / "mosquitto.log")
    rate = measure("mosquitto, QoS 1, nothing kept", server, options, f"mqtt://127.0.0.1:{port}",
                   ["--unchecked"])
    server.stop()
    return rate


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=30, help="of each run (600: is memory flat?)")
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--indicators", type=int, default=1000000)
    options = parser.parse_args()
    print(f"{options.devices} devices, ten flows a report, {options.indicators:,} indicators, "
          f"{os.cpu_count()} processors with the fleet on them\n")
    print(f"{'':38} {'reports/s':>10} {'CPUs':>6} {'MiB warm':>9} {'at end':>7}")
    folder = pathlib.Path(tempfile.mkdtemp(dir=ROOT / "build"))
    try:
        write_indicators(folder / "indicators.txt", options.indicators)
        measure_service(folder, options, is_mqtt=False)
        ours = measure_service(folder, options, is_mqtt=True)
        hardest = measure_service(folder, options, is_mqtt=True, scenario=NEW_PEERS)
        theirs = measure_broker(folder, options)
    finally:
        shutil.rmtree(folder)
    print(f"\nthe service over MQTT beside mosquitto: {ours / theirs:.2f}; of the goal of {GOAL:,} "
          f"reports/s: {ours / GOAL:.2f}, with new peers {hardest / GOAL:.2f}")


if __name__ == "__main__":
    main()
