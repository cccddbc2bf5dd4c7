# SPDX-License-Identifier: MIT
"""What the system tests share: the real binary, a running service, the real captures."""
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from browser import Browser

ROOT = Path(__file__).resolve().parents[2]
LISTENING = re.compile(r"listening on (https?://\S+?),")
START_S = 20
STOP_S = 20


class Service:
    """`picket serve` in a folder of its own; it can be stopped, killed and started again."""

    def __init__(self, picket, folder, prefix=()):
        self.command = [*prefix, str(picket)]
        self.folder = folder
        self.log = folder / "service.log"
        self.data = folder / "data"
        self.options = []
        self.process = None
        self.url = None

    def start(self, *options):
        """On any free port of the loopback; the options are kept for the next start."""
        self.options = options or self.options
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [*self.command, "serve", "--listen", "127.0.0.1:0", "--data", self.data,
                 *self.options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.url = self._wait_for_url()
        return self

    def _wait_for_url(self):
        end = time.monotonic() + START_S
        while time.monotonic() < end and self.process.poll() is None:
            found = LISTENING.search(self.log.read_text(encoding="utf-8"))
            if found:
                return found[1]
            time.sleep(0.02)
        raise AssertionError("the service did not start:\n" + self.log.read_text(encoding="utf-8"))

    def stop(self):
        """Asks it to end, as an operator would; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=STOP_S)

    def kill(self):
        """As a power cut would."""
        self.process.kill()
        self.process.wait(timeout=STOP_S)

    def restart(self):
        if self.process.poll() is None:
            self.stop()
        return self.start()

    def get(self, path):
        """The JSON at a path of the API; who the service is over TLS, other tests look at."""
        context = ssl._create_unverified_context() if self.url.startswith("https") else None
        with urllib.request.urlopen(self.url + path, timeout=10, context=context) as reply:
            return json.load(reply)

    def post(self, device, body, kind="application/cbor", **headers):
        """A message of a device, which is acknowledged; the answer's body."""
        request = urllib.request.Request(f"{self.url}/v1/devices/{device}/reports", data=body,
                                         headers={"Content-Type": kind, **headers})
        with urllib.request.urlopen(request, timeout=10) as reply:
            assert reply.status == 200
            return reply.read()

    def run(self, *arguments):
        """A verb of the command line that asks this service."""
        return subprocess.run([*self.command, *map(str, arguments)], capture_output=True, text=True,
                              timeout=60, check=False, stdin=subprocess.DEVNULL,
                              env={**os.environ, "PICKET_URL": self.url})


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=5,
                     help="how often a service is killed under load (20 is the long form)")


@pytest.fixture
def kills(request):
    return request.config.getoption("--kills")


@pytest.fixture(scope="session")
def picket():
    """Path of the binary."""
    path = Path(os.environ.get("PICKET_BIN", ROOT / "build/dev/cli/picket"))
    if not path.exists():
        pytest.skip(f"no binary at {path}")
    return path


@pytest.fixture
def service(picket, tmp_path):
    """Not yet started: the test says with which options. Must end well, without a sanitizer's word."""
    running = Service(picket, tmp_path)
    yield running
    if running.process is not None and running.process.poll() is None:
        assert running.stop() == 0, running.log.read_text(encoding="utf-8")
    if running.log.exists():
        assert "Sanitizer" not in running.log.read_text(encoding="utf-8")


@pytest.fixture
def small_disk(service):
    """The data folder is a disk of 2 MB."""
    service.data.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can make a small disk")
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs",
                           service.data], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip("a small disk can't be made here: " + made.stderr.strip())
    yield service.data
    if service.process.poll() is None:
        service.kill()
    subprocess.run(["umount", service.data], check=True)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A browser for all tests of a module."""
    if shutil.which("chromium") is None:
        pytest.skip("chromium is not installed")
    running = Browser(tmp_path_factory.mktemp("browser"))
    yield running
    running.close()


@pytest.fixture
def open_tab(browser):
    """Opens a page; at the end the browser must have nothing against any that was opened."""
    tabs = []

    def open_page(url, **look):
        tabs.append(browser.open(url, **look))
        return tabs[-1]

    yield open_page
    complaints = [tab.complaints() for tab in tabs]
    for tab in tabs:
        tab.close()
    assert complaints == [[] for _ in tabs]


@pytest.fixture(scope="session")
def data():
    """The folder of real captures."""
    path = Path(os.environ.get("PICKET_TEST_DATA", ROOT.parent / "shared/data")).resolve()
    if not (path / "captures/MANIFEST.tsv").exists():
        pytest.skip(f"no captures at {path}; set PICKET_TEST_DATA")
    return path
