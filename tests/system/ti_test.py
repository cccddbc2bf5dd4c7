# SPDX-License-Identifier: MIT
"""picket ti match and build, without a service; grepcidr, where it is installed, has the last word."""
import random
import shutil
import subprocess

import pytest

LIST = "192.0.2.1\n198.51.100.0/24\n# comment\n203.0.113.7-203.0.113.9\n2001:db8::/32\nnonsense\n"


@pytest.fixture
def listed(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text(LIST, encoding="ascii")
    return path


def match(picket, *arguments, text=b""):
    return subprocess.run([picket, "ti", "match", *map(str, arguments)], input=text,
                          capture_output=True, check=False, timeout=60)


def test_lines_with_a_listed_address_are_printed_as_they_are(picket, listed):
    text = (b"GET 192.0.2.1 ok\r\nno address\n192.0.2.2\nfrom=198.51.100.255,x\n"
            b"[2001:db8::5]:443\n203.0.113.8")
    ran = match(picket, listed, text=text)
    assert ran.returncode == 0
    assert ran.stdout == (b"GET 192.0.2.1 ok\r\nfrom=198.51.100.255,x\n[2001:db8::5]:443\n"
                          b"203.0.113.8")
    assert b"line 6 is the first" in ran.stderr


@pytest.mark.parametrize("option, lines", [
    ("-c", b"2\n"), ("-v", b"192.0.2.2\n"), ("-i", b"none\n192.0.2.2\n\n"), ("-x", b"192.0.2.1\n"),
])
def test_options_are_those_of_grepcidr(picket, listed, option, lines):
    text = b"192.0.2.1\nnone\nx 192.0.2.1\n192.0.2.2\n\n"
    assert match(picket, option, listed, text=text).stdout == lines


def test_exit_code_says_if_there_was_a_line(picket, listed, tmp_path):
    assert match(picket, listed, text=b"192.0.2.1\n").returncode == 0
    assert match(picket, listed, text=b"192.0.2.2\n").returncode == 1
    assert match(picket, tmp_path / "absent", text=b"").returncode == 2
    assert match(picket).returncode == 2


def test_lines_of_several_files_are_printed_with_their_names(picket, listed, tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"192.0.2.1\n192.0.2.2\n")
    other.write_bytes(b"x 198.51.100.9 y\n")
    ran = match(picket, listed, one, other)
    assert ran.stdout == f"{one}:192.0.2.1\n{other}:x 198.51.100.9 y\n".encode()
    assert match(picket, "-c", listed, one, other).stdout == b"2\n"
    ran = match(picket, listed, one, tmp_path / "absent", other)
    assert ran.returncode == 2 and ran.stdout == f"{one}:192.0.2.1\n".encode()


def test_snapshot_gives_the_lines_that_its_list_gives(picket, tmp_path):
    listed = tmp_path / "public.txt"
    listed.write_text("8.8.1.1\n8.8.2.0/24\n2600::/32\n", encoding="ascii")
    index = tmp_path / "index"
    built = subprocess.run([picket, "ti", "build", index, listed], capture_output=True, text=True,
                           check=False)
    assert built.returncode == 0 and "3 indicators" in built.stdout, built.stderr
    text = b"8.8.1.1\n8.8.1.2\nx 8.8.2.9 y\n2600::1\n8.8.2.255\n"
    for options in ([], ["-v"], ["-c"]):
        assert match(picket, *options, index, text=text).stdout == \
            match(picket, *options, listed, text=text).stdout
    index.write_bytes(index.read_bytes()[:-9])
    assert match(picket, index, text=text).returncode == 2


def test_build_says_what_became_of_each_line(picket, tmp_path):
    listed = tmp_path / "mixed.csv"
    listed.write_text("8.8.1.1\n8.8.1.1\n999.1.1.1\n", encoding="ascii")
    built = subprocess.run([picket, "ti", "build", tmp_path / "index", listed],
                           capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    assert "mixed.csv, line 3: " in built.stdout
    looked = subprocess.run([picket, "ti", "lookup", "8.8.1.1", "--index", tmp_path / "index"],
                            capture_output=True, text=True, check=False)
    assert looked.returncode == 0 and "mixed.csv" in looked.stdout


def test_networks_and_files_are_those_of_grepcidr(picket, tmp_path):
    if shutil.which("grepcidr") is None:
        pytest.skip("grepcidr is not installed")
    listed, files = tmp_path / "list.txt", [tmp_path / "a.log", tmp_path / "b.log"]
    listed.write_text("2001:db8::1/32\n2001:db9:1::/48\n10.0.0.5/8\n::1\n2002:1::/31\n",
                      encoding="ascii")
    files[0].write_text("2001:db8:5::9 a\nb 2001:db9:1::2\n2001:dba::1\n10.9.9.9\n",
                        encoding="ascii")
    files[1].write_text("::1\n2002::5\n2002:2::5\nno address\n11.0.0.1\n", encoding="ascii")
    for options in ([], ["-c"], ["-v"], ["-i"]):
        for chosen in (files, files[:1], [tmp_path / "absent", *files], [*files, "absent"]):
            expected = subprocess.run(["grepcidr", *options, "-f", listed, *chosen],
                                      capture_output=True, check=False)
            ran = match(picket, *options, listed, *chosen)
            assert (ran.stdout, ran.returncode) == (expected.stdout, expected.returncode)


def quad(chance):
    return ".".join(str(chance.choice([0, 1, 2, 3, 9, 99, 255, 256])) for _ in range(4))


def test_hostile_lines_match_as_grepcidr_says(picket, tmp_path):
    if shutil.which("grepcidr") is None:
        pytest.skip("grepcidr is not installed")
    chance = random.Random(5)
    listed = tmp_path / "list.txt"
    listed.write_text("\n".join(sorted({quad(chance) for _ in range(300)})) +
                      "\n2.3.0.0/16\n99.0.0.0/9\n1.2.3.4-1.2.9.7\n0.0.0.0/8\n", encoding="ascii")
    between = ["", "", "a", "x", "g", ".", " ", "-", "_", "/", "1", "0", "9", "\t", "[", "f", ","]
    lines = ["".join(chance.choice(between) + chance.choice(between) + quad(chance)
                     for _ in range(chance.randrange(1, 5))) + chance.choice(between)
             for _ in range(20000)]
    text = tmp_path / "log.txt"
    text.write_text("\n".join(lines) + "\n", encoding="ascii")
    for options in ([], ["-v"], ["-i"], ["-c"], ["-x"]):
        expected = subprocess.run(["grepcidr", *options, "-f", listed, text], capture_output=True,
                                  check=False)
        ran = match(picket, *options, listed, text)
        assert ran.stdout == expected.stdout, options
        assert ran.returncode == expected.returncode
