# SPDX-License-Identifier: MIT
"""`picket agent` to a service behind TLS: each shows the other who it is, or nothing is sent."""
import json
import subprocess

import pytest

from authority import Authority
from conftest import Service
from namespaces import end, network, start_agent, wait_until
from taker import Taker


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "authority")


@pytest.fixture
def taker(network, tmp_path, authority):
    """Speaks TLS, and wants a certificate of the same authority from its clients."""
    running = Taker(network, tmp_path / "taker",
                    (*authority.certificate("service"), authority.path))
    yield running
    running.stop()


def test_reports_go_through_tls_with_a_client_certificate_that_root_alone_can_read(
        network, picket, taker, authority, tmp_path, start_agent):
    certificate, key = authority.certificate("d1")
    service = Service(picket, tmp_path, network.on(network.device)).start()
    taker.forward(service.url)
    agent = start_agent("--interface", "eth0", "--device-id", "d1", "--ca", authority.path,
                        "--cert", certificate, "--key", key, to=taker.url)
    wait_until(lambda: len(taker.taken()) >= 2)
    assert end(agent) == (0, "")
    listed = service.run("device", "list", "--json")
    assert [device["id"] for device in json.loads(listed.stdout)["items"]] == ["d1"]
    assert service.stop() == 0


@pytest.mark.parametrize("has_authority, has_certificate, words", [
    (False, True, "is not trusted"), (True, False, "asking https://127.0.0.1:8481 failed")])
def test_nothing_is_sent_unless_both_are_known(taker, authority, tmp_path, start_agent,
                                               has_authority, has_certificate, words):
    certificate, key = authority.certificate("d1")
    foreign = Authority(tmp_path / "foreign")
    arguments = ["--ca", authority.path if has_authority else foreign.path]
    if has_certificate:
        arguments += ["--cert", certificate, "--key", key]
    agent = start_agent("--interface", "eth0", "--device-id", "d1", *arguments, to=taker.url)
    assert words in agent.stdout.readline()
    end(agent)
    assert not taker.asked()


@pytest.mark.parametrize("arguments, words", [
    (["--ca", "/none"], "/none can't be opened"), (["--ca", "/dev/null"], "/dev/null is empty"),
    (["--cert", "/etc/passwd"], "--cert and --key")])
def test_files_that_are_no_good_are_told_before_anything_starts(picket, arguments, words):
    ran = subprocess.run([picket, "agent", "--interface", "lo", "--device-id", "d1", *arguments],
                         capture_output=True, text=True, timeout=20, check=False)
    assert ran.returncode == 1
    assert words in ran.stderr
