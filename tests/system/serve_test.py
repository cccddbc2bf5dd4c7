# SPDX-License-Identifier: MIT
"""`picket serve` as an operator meets it: configuration, start, reload, trouble, end."""
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/picket.ini"
WAIT_S = 10


def serve(picket, *options, **variables):
    """A start that is expected to fail."""
    return subprocess.run([picket, "serve", *map(str, options)], capture_output=True, text=True,
                          timeout=30, check=False, env={**os.environ, **variables})


def wait_for(service, text):
    end = time.monotonic() + WAIT_S
    while text not in service.log.read_text(encoding="utf-8"):
        assert time.monotonic() < end, service.log.read_text(encoding="utf-8")
        time.sleep(0.02)


@pytest.mark.parametrize("text, sentence", [
    ("[service]\nworker = 2\n", "picket.ini:2: there is no key 'worker' in [service]; "
                                "did you mean 'workers'?"),
    ("[service]\nworkers = many\n", "picket.ini:2: workers: allowed is a number from 1 to 64"),
    ("[servce]\nworkers = 2\n", "picket.ini:2: there is no section [servce]; did you mean [service]?"),
    ("[service]\nworkers\n", "picket.ini:2: allowed are [section], key = value, and comments"),
    ("[service]\nlisten = 0.0.0.0:0\n", "listening on 0.0.0.0 without a token"),
    ("\0", "picket.ini: this is no configuration"),
])
def test_bad_configuration_is_one_sentence_with_its_place(picket, tmp_path, text, sentence):
    path = tmp_path / "picket.ini"
    path.write_text(text, encoding="ascii")
    result = serve(picket, "--data", tmp_path / "data", "--config", path)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("picket: ")
    assert sentence in result.stderr


def test_configuration_file_is_obeyed(service, tmp_path):
    (tmp_path / "list.txt").write_text("192.0.2.1\n192.0.2.2\n", encoding="ascii")
    path = tmp_path / "picket.ini"
    path.write_text(f"[intel]\nlist = {tmp_path}/list.txt\n", encoding="ascii")
    service.start("--config", path)
    assert service.get("/v1/status")["indicators"] == 2
    assert ", 2 indicators" in service.log.read_text(encoding="utf-8")


def test_example_configuration_has_every_key(picket):
    keys = re.findall(r"^ +\[(\w+)\] ([\w-]+), PICKET_", serve(picket, "--help").stdout, re.M)
    example, section = [], None
    for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
        section = (re.findall(r"^\[(\w+)\]$", line) or [section])[0]
        example += [(section, key) for key in re.findall(r"^;?([\w-]+) = ", line)]
    assert len(keys) > 20 and sorted(example) == sorted(keys)


def test_example_configuration_works(service):
    service.start("--config", EXAMPLE)
    assert service.get("/v1/status")["indicators"] == 0


@pytest.mark.parametrize("options, sentence", [
    (["--intell", "x"], "there is no option --intell; did you mean --intel?"),
    (["--workers"], "--workers: a value is missing"),
    (["--workers", "0"], "--workers: allowed is a number from 1 to 64"),
    (["now"], "'now' is no option"),
])
def test_bad_option_is_a_usage_error(picket, options, sentence):
    result = serve(picket, *options)
    assert result.returncode == 2
    assert sentence in result.stderr


def test_bad_variable_is_named(picket):
    result = serve(picket, PICKET_WORKERS="0")
    assert result.returncode == 1
    assert "PICKET_WORKERS: allowed is a number from 1 to 64" in result.stderr


def test_help_lists_every_key_with_its_variable(picket):
    result = serve(picket, "--help")
    assert result.returncode == 0
    for word in ("--listen", "[service] data", "PICKET_TOKEN", "--intel", "default 1024, allowed 1 to 1000000"):
        assert word in result.stdout


def test_start_that_is_impossible_ends_with_one_sentence(picket, tmp_path):
    (tmp_path / "file").write_text("", encoding="ascii")
    (tmp_path / "page.html").write_text("<!DOCTYPE html>\n<html></html>\n", encoding="ascii")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        data = ["--data", tmp_path / "data"]
        for options, words in [
                (["--listen", "127.0.0.1:0", "--data", tmp_path / "file/data"], str(tmp_path)),
                ([*data, "--listen", f"127.0.0.1:{port}"], "Address already in use"),
                ([*data, "--listen", "192.0.2.1:0", "--token", "0123456789abcdef"], "192.0.2.1"),
                ([*data, "--intel", tmp_path / "none.txt"], "none.txt"),
                ([*data, "--intel", tmp_path / "page.html"], "page.html")]:
            result = serve(picket, *options)
            assert result.returncode == 1, options
            sentences = [line for line in result.stderr.splitlines() if line.startswith("picket: ")]
            assert len(sentences) == 1 and words in sentences[0], result.stderr


def test_without_indicators_it_says_that_it_is_blind(service):
    service.start()
    assert "no indicators are loaded" in service.log.read_text(encoding="utf-8")


def test_broken_lines_of_a_list_are_named_and_the_rest_acts(service, tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("192.0.2.1\nnonsense\n192.0.2.1\n", encoding="ascii")
    service.start("--intel", path)
    log = service.log.read_text(encoding="utf-8")
    assert "list list.txt, line 2: " in log
    assert "1 indicators, 1 repeated" in log


def test_lists_are_loaded_anew_on_request_and_kept_on_failure(service, tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("192.0.2.1\n", encoding="ascii")
    service.start("--intel", path)

    path.write_text("192.0.2.1\n192.0.2.2\n", encoding="ascii")
    service.process.send_signal(signal.SIGHUP)
    wait_for(service, "lists loaded anew: 1 indicators before, 2 after")
    assert service.get("/v1/status")["indicators"] == 2

    path.unlink()
    service.process.send_signal(signal.SIGHUP)
    wait_for(service, "the old 2 indicators stay")
    assert service.get("/v1/status")["indicators"] == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_it_is_asked(service, number):
    service.start()
    service.process.send_signal(number)
    assert service.process.wait(timeout=WAIT_S) == 0
    assert service.log.read_text(encoding="utf-8").rstrip().endswith("stopped")


def test_second_service_in_one_folder_is_refused(service, picket):
    service.start()
    result = serve(picket, "--listen", "127.0.0.1:0", "--data", service.data)
    assert result.returncode == 1
    assert str(service.data) in result.stderr
    assert service.get("/v1/status")["open_alerts"] == 0


@pytest.fixture(name="small_disk")
def make_small_disk(tmp_path):
    """A disk of one megabyte, if this user may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "picket-test", folder],
                             capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("a small disk can't be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_full_disk_at_start_is_one_sentence(picket, small_disk):
    with pytest.raises(OSError), open(small_disk / "filler", "wb") as filler:
        filler.write(bytes(2_000_000))
    result = serve(picket, "--listen", "127.0.0.1:0", "--data", small_disk / "data")
    assert result.returncode == 1
    assert str(small_disk) in result.stderr
    assert result.stderr.count("picket: ") == 1
