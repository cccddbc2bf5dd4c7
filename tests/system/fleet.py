# SPDX-License-Identifier: MIT
"""A simulated fleet beside a service, and what both say of what was acknowledged."""
import signal
import subprocess
import time
from collections import defaultdict

WAIT_S = 120


class Fleet:
    """`picket sim`, which goes on until it is told to end."""

    def __init__(self, picket, folder, url, *options, devices=64):
        self.picket = str(picket)
        self.state = folder / "acknowledged.txt"
        self.log = folder / "fleet.log"
        self.devices = devices
        self.url = url
        self.options = [*map(str, options)]
        self.process = None

    def command(self, *options):
        return [self.picket, "sim", "--to", self.url, "--devices", str(self.devices),
                "--state", str(self.state), *self.options, *map(str, options)]

    def start(self):
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log)
        return self

    def end(self):
        """Lets it wait for what is under way, and hold the service to its word; what it says."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=WAIT_S)
        said = self.log.read_text(encoding="utf-8")
        assert code == 0, said
        assert "Sanitizer" not in said
        return said

    def check(self):
        """Asks once more."""
        return subprocess.run(self.command("--check"), capture_output=True, text=True,
                              timeout=WAIT_S, check=False)

    def acknowledged(self):
        """Of each device and boot: the sequences, and those that may be there or not."""
        sure = defaultdict(lambda: defaultdict(set))
        perhaps = defaultdict(lambda: defaultdict(set))
        for line in self.state.read_text(encoding="utf-8").splitlines():
            kind, device, boot, first, last, _packets = line.split()
            known = sure if kind == "acknowledged" else perhaps
            known[device][int(boot)].update(range(int(first), int(last) + 1))
        return sure, perhaps


def wait_until(claim, seconds=WAIT_S):
    """True as soon as the claim is; false if it never was."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if claim():
            return True
        time.sleep(0.02)
    return False


def check_each(service, fleet):
    """What the simulator checks, said another way: how many reports were looked at."""
    sure, perhaps = fleet.acknowledged()
    count = 0
    for device, boots in sure.items():
        told = service.get(f"/v1/devices/{device}")
        there = {boot["boot"]: boot for boot in told["boots"]}
        for boot, sequences in boots.items():
            open_ones = perhaps[device][boot]
            highest, missing = there[boot]["highest"], there[boot]["missing"]
            assert highest in sequences | open_ones, (device, boot, highest)
            assert highest >= max(sequences), (device, boot, highest)
            if not open_ones:
                assert highest - missing == len(sequences), (device, boot, there[boot])
            count += len(sequences)
        assert told["reports"] == sum(b["highest"] - b["missing"] for b in told["boots"]), device
    return count
