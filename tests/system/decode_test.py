# SPDX-License-Identifier: MIT
"""`picket decode` on a report that has every kind of fact."""
import subprocess

import pytest

from replaying import ROOT


@pytest.fixture
def decoded(picket, tmp_path):
    """What it says of a vector, by the label of each line."""
    def run(name):
        text = (ROOT / f"spec/vectors/{name}.hex").read_text(encoding="utf-8")
        report = tmp_path / "report"
        report.write_bytes(bytes.fromhex("".join(line for line in text.splitlines()
                                                 if not line.startswith("#"))))
        ran = subprocess.run([picket, "decode", report], capture_output=True, text=True,
                             timeout=60, check=False)
        assert ran.returncode == 0, ran.stderr
        return [line.split(maxsplit=1) for line in ran.stdout.splitlines() if line]
    return run


def lines_of(decoded, label):
    return [line[1] for line in decoded if line[0] == label]


def test_what_the_policy_said_is_shown(decoded):
    assert lines_of(decoded("every-fact"), "verdict") == [
        "outbound tcp 203.0.113.9:23: rule 0 of policy revision 7, 3 packets, 3 blocked",
        "inbound icmp 203.0.113.10: others of policy revision 7, 2 packets, 0 blocked",
        "unknown udp [2001:db8::9]:0: indicator of policy revision 7, 1 packet, 0 blocked",
        "outbound icmpv6 2001:db8::a: rule 12 of policy revision 6, 9 packets, 8 blocked",
    ]


def test_how_settings_stand_is_shown(decoded):
    assert lines_of(decoded("every-fact"), "settings") == [
        "policy revision 7, in_effect, mode enforce; revision 6 was refused: not newer than what "
        "the device has",
        "configuration revision 2, on_trial; revision 3 was refused: the device can't do what is "
        "asked (21 ipv4_flows)",
        "not known what for, were refused: not signed by a key that the device knows",
    ]


def test_each_refusal_has_words_of_its_own(decoded):
    said = lines_of(decoded("every-refusal"), "settings")
    assert len(set(said)) == len(said) >= 12
