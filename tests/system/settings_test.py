# SPDX-License-Identifier: MIT
"""`picket settings`: what a person writes is signed, shown, judged and refused as they expect."""
import json
import subprocess

import pytest

from replaying import ROOT
from signing import ALGORITHMS, make_keys, sign

POLICY = {
    "kind": "policy", "revision": 7, "audience": "cameras", "mode": "enforce",
    "trial_ms": 60000, "denies_others": True,
    "rules": [
        {"action": "deny", "direction": "outbound", "protocol": "tcp", "prefix": "0.0.0.0/0",
         "ports": "23"},
        {"action": "allow", "direction": "outbound", "protocol": "tcp", "prefix": "192.0.2.0/24",
         "ports": "443"},
        {"action": "allow", "direction": "outbound", "protocol": "udp",
         "prefix": "2001:db8::/32", "ports": "1000-2000"},
    ],
}
CONFIGURATION = {"kind": "configuration", "revision": 3, "audience": "cameras",
                 "interval_ms": 30000, "collectors": ["dns", "tls"], "exact_flows": False}


@pytest.fixture(scope="module", name="keys")
def keys_fixture(tmp_path_factory):
    return make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def settings(picket):
    def run(*arguments):
        return subprocess.run([picket, "settings", *map(str, arguments)], capture_output=True,
                              text=True, timeout=60, check=False)
    return run


@pytest.fixture(name="sign")
def sign_fixture(picket, keys, tmp_path):
    """Signs a document; the envelope's path."""
    def run(document, key="ed25519", name="signed"):
        return sign(picket, document, keys / f"{key}.pem", tmp_path / name)
    return run


@pytest.mark.parametrize("key", ALGORITHMS)
def test_signed_policy_is_shown_as_it_was_written(settings, sign, keys, key):
    ran = settings("show", sign(POLICY, key), "--key", keys / f"{key}.pub.pem")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [
        "policy        revision 7, for cameras",
        "mode          enforce",
        "trial         60.000 s: taken back unless a report is confirmed by then",
        "IPv4 rule 0   deny outbound tcp with 0.0.0.0/0, port 23",
        "IPv4 rule 1   allow outbound tcp with 192.0.2.0/24, port 443",
        "IPv6 rule 0   allow outbound udp with 2001:db8::/32, ports 1000-2000",
        "others        deny",
        f"signature     {'EdDSA' if key == 'ed25519' else 'ES256'}, good",
    ]


def test_signed_configuration_is_shown_as_it_was_written(settings, sign):
    ran = settings("show", sign(CONFIGURATION))
    assert ran.returncode == 0, ran.stderr
    assert [line.split() for line in ran.stdout.splitlines()] == [
        ["configuration", "revision", "3,", "for", "cameras"],
        ["interval_ms", "30000"],
        ["collectors", "dns", "tls"],
        ["exact_flows", "0"],
        ["signature", "EdDSA,", "not", "checked:", "name", "a", "--key"],
    ]


def test_signature_by_another_key_is_not_good(settings, sign, keys):
    ran = settings("show", sign(POLICY), "--key", keys / "p256.pub.pem")
    assert ran.returncode == 1
    assert "NOT GOOD" in ran.stdout
    assert "the signature is not good" in ran.stderr


def test_changed_byte_makes_the_signature_bad(settings, sign, keys):
    signed = sign(POLICY)
    text = bytearray(signed.read_bytes())
    place = text.index(b"cameras")
    text[place] = ord("b")
    signed.write_bytes(text)
    ran = settings("show", signed, "--key", keys / "ed25519.pub.pem")
    assert ran.returncode == 1
    assert "for bameras" in ran.stdout


def test_signed_bytes_are_the_same_in_every_run(sign, tmp_path):
    indicators = tmp_path / "bad.txt"
    indicators.write_text("".join(f"198.51.100.{i}\n" for i in range(256)), encoding="utf-8")
    policy = {**POLICY, "indicators": str(indicators)}
    first = sign(policy, name="first").read_bytes()
    assert first == sign(policy, name="second").read_bytes()


def judge(settings, path, direction, protocol, peer, port=None):
    ran = settings("judge", path, "--direction", direction, "--protocol", protocol, "--peer", peer,
                   *([] if port is None else ["--port", port]))
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()[0]


def test_judge_says_what_the_policy_says(settings, sign, tmp_path):
    (tmp_path / "bad.txt").write_text("192.0.2.66\n", encoding="utf-8")
    path = sign({**POLICY, "indicators": str(tmp_path / "bad.txt")})
    others = "denied: no rule is about it, and others are denied"
    listed = "allowed, but probably malicious: the filter has the peer"
    assert judge(settings, path, "outbound", "tcp", "192.0.2.66", 443) == listed
    assert judge(settings, path, "outbound", "tcp", "192.0.2.7", 444) == others
    assert judge(settings, path, "inbound", "tcp", "192.0.2.7", 443) == others
    assert judge(settings, path, "outbound", "icmp", "192.0.2.7") == others
    assert judge(settings, path, "outbound", "udp", "2001:db8::7", 1500) == "allowed"
    assert judge(settings, path, "outbound", "tcp", "192.0.2.7", 23) == \
        "denied: by rule 0: deny outbound tcp with 0.0.0.0/0, port 23"


def test_refusals_name_file_and_place(settings, keys, tmp_path):
    source = tmp_path / "source.json"
    source.write_text(json.dumps({**POLICY, "rules": [{"action": "allow", "prefix": "rubbish"}]}),
                      encoding="utf-8")
    ran = settings("sign", source, "--key", keys / "ed25519.pem", "--out", tmp_path / "x")
    assert ran.returncode == 1
    assert ran.stderr.startswith(f'picket: {source}: rules[0].prefix: "rubbish" is not right; ')
    assert not (tmp_path / "x").exists()


def test_too_many_indicators_are_refused(settings, keys, tmp_path):
    (tmp_path / "bad.txt").write_text(
        "".join(f"10.{i >> 8}.{i & 255}.1\n" for i in range(65536)), encoding="utf-8")
    source = tmp_path / "source.json"
    source.write_text(json.dumps({**POLICY, "indicators": str(tmp_path / "bad.txt")}),
                      encoding="utf-8")
    ran = settings("sign", source, "--key", keys / "ed25519.pem", "--out", tmp_path / "x")
    assert ran.returncode == 1
    assert ran.stderr == "picket: the settings are larger than 65536 bytes: name fewer " \
                         "indicators\n"


def test_files_that_are_no_keys_or_envelopes_are_refused(settings, sign, keys, tmp_path):
    signed = sign(POLICY)
    ran = settings("show", signed, "--key", signed)
    assert ran.returncode == 1 and "needed is a public key in PEM" in ran.stderr
    ran = settings("sign", tmp_path / "signed.json", "--key", keys / "ed25519.pub.pem",
                   "--out", tmp_path / "x")
    assert ran.returncode == 1 and "needed is a private key in PEM" in ran.stderr
    ran = settings("show", keys / "ed25519.pem")
    assert ran.returncode == 1 and "not signed settings" in ran.stderr
    ran = settings("judge", sign(CONFIGURATION), "--direction", "outbound", "--protocol", "tcp",
                   "--peer", "192.0.2.7")
    assert ran.returncode == 1 and "only a policy judges" in ran.stderr


ENVELOPES = ROOT / "spec/vectors/envelopes"


@pytest.mark.parametrize("vector", sorted(path.stem for path in ENVELOPES.glob("e*.hex")))
def test_vectors_are_shown_and_forged_ones_are_not_good(settings, tmp_path, vector):
    text = (ENVELOPES / f"{vector}.hex").read_text(encoding="utf-8")
    envelope = tmp_path / "envelope"
    envelope.write_bytes(bytes.fromhex("".join(line for line in text.splitlines()
                                               if not line.startswith("#"))))
    public = ENVELOPES / f"{vector.split('-')[0]}-test-key.pem"
    ran = settings("show", envelope, "--key", public)
    is_forged = vector.endswith("-forged")
    assert ran.returncode == is_forged, ran.stderr
    assert ran.stdout.splitlines()[-1].endswith("NOT GOOD" if is_forged else ", good")
