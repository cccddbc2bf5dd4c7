# SPDX-License-Identifier: MIT
"""What `picket agent` keeps on disk: nothing that was built is lost, and nothing stops the rest."""
import re
import shutil
import subprocess

import cbor2
import pytest

from namespaces import end, network, start_agent, wait_until
from signing import make_keys, sign
from taker import Taker

BOOT, SEQUENCE, FLOWS, EVENTS = 1, 2, 12, 17  # keys of a report
BLOCK = 4096
LIMIT = 64 * BLOCK


@pytest.fixture
def taker(network, tmp_path):
    running = Taker(network, tmp_path / "taker")
    yield running
    running.stop()


@pytest.fixture
def spool(tmp_path):
    """The folder of d1 in the one that an agent is given, on a way that is root's alone."""
    return tmp_path / "spool" / "device-d1"


def start(start_agent, taker, spool, *arguments, **first):
    return start_agent("--interface", "eth0", "--device-id", "d1", "--spool", spool.parent,
                       *arguments, to=taker.url, **first)


def waiting(spool):
    return sorted(spool.glob("report-*"))


def fill(spool, sequences):
    """With reports of boot 7 that have nothing in them."""
    for sequence in sequences:
        path = spool / f"report-{sequence:020}.cbor"
        path.write_bytes(cbor2.dumps({BOOT: 7, SEQUENCE: sequence, FLOWS: [10]}))
        shutil.chown(path, "nobody")


def numbers(reports, boot):
    return [report[SEQUENCE] for report in reports if report[BOOT] == boot]


def events(reports):
    """{name: times} of all reports."""
    found = {}
    for report in reports:
        size, *items = report.get(EVENTS, [1])
        for at in range(0, len(items), size):
            found[items[at]] = found.get(items[at], 0) + items[at + 2]
    return found


def packets_out(reports):
    """Packets that left the device for TEST-NET-2, of all reports."""
    total = 0
    for report in reports:
        size, *items = report[FLOWS]
        rows = [items[at:at + size] for at in range(0, len(items), size)]
        total += sum(row[5] for row in rows if row[2][:3] == bytes((198, 51, 100)))
    return total


def test_what_the_service_did_not_take_outlives_the_agent_and_comes_first_and_in_order(
        network, taker, spool, start_agent):
    taker.answer(503)
    agent = start(start_agent, taker, spool)
    network.ping("198.51.100.7")
    wait_until(lambda: len(waiting(spool)) >= 3)
    agent.kill()
    agent.wait(timeout=10)
    stored = [cbor2.loads(path.read_bytes()) for path in waiting(spool)]
    taker.answer(200)
    agent = start(start_agent, taker, spool)
    wait_until(lambda: len({report[BOOT] for report in taker.taken()}) == 2)
    assert end(agent) == (0, "")
    taken = taker.taken()
    assert taken[:len(stored)] == stored
    assert numbers(taken, stored[0][BOOT]) == list(range(1, len(stored) + 1))
    later = taken[-1][BOOT]
    assert numbers(taken, later) == list(range(1, taken[-1][SEQUENCE] + 1))
    assert packets_out(taken) == 3
    assert not waiting(spool)


def test_a_full_spool_gives_up_the_oldest_and_the_service_hears_of_it(taker, spool, start_agent):
    taker.answer(503)
    end(start(start_agent, taker, spool))  # makes the folder
    for path in waiting(spool):
        path.unlink()
    fill(spool, range(10, 10 + LIMIT // BLOCK))
    agent = start(start_agent, taker, spool, "--spool-bytes", LIMIT)
    wait_until(lambda: not (spool / f"report-{12:020}.cbor").exists())
    size = sum(-(-path.stat().st_size // BLOCK) * BLOCK for path in spool.glob("*.cbor"))
    assert size <= LIMIT
    taker.answer(200)
    wait_until(lambda: len(waiting(spool)) == 0)
    status, said = end(agent)
    assert status == 0
    assert said.count("the spool is full: the oldest reports are given up\n") == 1
    given_up = int(re.search(r"go through again; the oldest (\d+) were given up\n", said)[1])
    taken = taker.taken()
    assert numbers(taken, 7) == list(range(10 + given_up, 10 + LIMIT // BLOCK))
    assert events(taken) == {"reports_given_up": given_up}


def test_an_agent_that_has_much_to_send_ends_when_it_is_told_to(taker, spool, start_agent):
    end(start(start_agent, taker, spool))
    fill(spool, range(10, 210))
    taker.delay(0.05)
    agent = start(start_agent, taker, spool)
    wait_until(lambda: len(numbers(taker.taken(), 7)) >= 5)
    assert end(agent) == (0, "")
    assert 0 < len(waiting(spool)) < 200
    boots = {cbor2.loads(path.read_bytes())[BOOT] for path in waiting(spool)}
    assert len(boots) == 2  # what this run saw is there, too


def test_a_report_that_is_refused_for_good_is_set_aside_and_the_others_go_on(taker, spool,
                                                                             start_agent):
    taker.answer(503)
    agent = start(start_agent, taker, spool)
    wait_until(lambda: len(waiting(spool)) >= 3)
    bad = waiting(spool)[1].read_bytes()
    taker.poison(bad)
    taker.answer(200)
    wait_until(lambda: len(taker.taken()) >= 5)
    status, said = end(agent)
    assert status == 0
    assert said.count("a report is set aside: the service refused (400)") == 1
    (refused,) = spool.glob("refused-*")
    assert refused.read_bytes() == bad
    taken = taker.taken()
    assert numbers(taken, taken[0][BOOT]) == \
        [number for number in range(1, taken[-1][SEQUENCE] + 1) if number != 2]
    assert [status for status, _, _ in taker.asked()].count(400) == 1
    assert events(taken) == {"reports_refused": 1}


def test_without_a_spool_a_refused_report_is_given_up_and_the_next_one_goes(network, taker,
                                                                           start_agent):
    taker.answer(400)
    agent = start_agent("--interface", "eth0", "--device-id", "d1", to=taker.url)
    wait_until(taker.asked)
    taker.answer(200)
    wait_until(taker.taken)
    status, said = end(agent)
    refused = [report for status, _, report in taker.asked() if status == 400]
    assert (status, said.count("a report is given up: the service refused (400)")) == \
        (0, len(refused))
    assert taker.taken()[0][SEQUENCE] == len(refused) + 1
    assert events(taker.taken())["reports_refused"] == len(refused)


def test_a_wrong_token_loses_nothing(taker, spool, start_agent):
    taker.answer(401)
    agent = start(start_agent, taker, spool)
    wait_until(lambda: len(waiting(spool)) >= 2)
    taker.answer(200)
    wait_until(lambda: len(taker.taken()) >= 3)
    end(agent)
    assert numbers(taker.taken(), taker.taken()[0][BOOT])[:3] == [1, 2, 3]
    assert not list(spool.glob("refused-*"))


def test_an_agent_goes_on_when_the_disk_is_full(taker, spool, start_agent):
    spool.parent.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={2 * BLOCK}", "tmpfs", spool.parent],
                   check=True)
    try:
        taker.answer(503)
        agent = start(start_agent, taker, spool)
        assert "No space left on device" in agent.stdout.readline() + agent.stdout.readline()
        taker.answer(200)
        wait_until(lambda: len(taker.taken()) >= 4)
        assert end(agent)[0] == 0
        taken = taker.taken()
        assert numbers(taken, taken[0][BOOT]) == list(range(1, taken[-1][SEQUENCE] + 1))
    finally:
        subprocess.run(["umount", spool.parent], check=True)


def test_two_agents_do_not_share_a_spool(network, picket, taker, spool, start_agent):
    start(start_agent, taker, spool)
    ran = subprocess.run(
        network.on(network.device, picket, "agent", "--interface", "eth0", "--device-id", "d1",
                   "--spool", spool.parent), capture_output=True, text=True, timeout=20,
        check=False)
    assert (ran.returncode, ran.stderr) == (1, f"picket: {spool} is in use by another agent\n")


POLICY = {"kind": "policy", "revision": 3, "audience": "cameras", "mode": "alert",
          "rules": [{"action": "deny", "direction": "outbound", "protocol": "icmp",
                     "prefix": "198.51.100.0/24"}]}
VERDICTS, SETTINGS = 21, 22


@pytest.fixture
def obeying(picket, taker, spool, start_agent, tmp_path):
    """A function that starts an agent which obeys the test's key, and one that signs with it."""
    keys = make_keys(tmp_path)

    def obey(*arguments, **first):
        return start(start_agent, taker, spool, "--settings-key", keys / "ed25519.pub.pem",
                     "--audience", "cameras", "--user", "root", *arguments, **first)

    def sign_policy(**changes):
        return sign(picket, {**POLICY, **changes}, keys / "ed25519.pem", tmp_path / "policy")

    return obey, sign_policy


def test_a_restarted_agent_obeys_what_it_had(network, taker, spool, obeying):
    obey, sign_policy = obeying
    signed = sign_policy()
    agent = obey("--settings", signed)
    assert "accepted" in agent.stdout.readline()
    assert end(agent) == (0, "")
    assert (spool / "policy.cose").read_bytes() == signed.read_bytes()
    before = len(taker.taken())
    agent = obey()
    network.ping("198.51.100.7", 1)
    wait_until(lambda: any(VERDICTS in report for report in taker.taken()[before:]))
    assert end(agent) == (0, "")
    # kind, revision, state, mode, refusal, refused revision, detail: in effect, nothing refused
    told = {tuple(report[SETTINGS][1:8]) for report in taker.taken()[before:] if SETTINGS in report}
    assert told == {(1, 3, 3, 1, 0, 0, 0)}
    # an older one is refused by a restarted agent, too
    agent = obey("--settings", sign_policy(revision=2))
    assert "was refused" in agent.stdout.readline()
    end(agent)


def test_kept_settings_that_were_changed_are_passed_over(spool, obeying):
    obey, sign_policy = obeying
    agent = obey("--settings", sign_policy())
    assert "accepted" in agent.stdout.readline()
    end(agent)
    kept = bytearray((spool / "policy.cose").read_bytes())
    kept[-1] ^= 1
    (spool / "policy.cose").write_bytes(kept)
    agent = obey(first="picket: policy.cose of the spool is passed over")
    end(agent)


def test_a_trial_that_never_reaches_the_service_is_not_kept(taker, spool, obeying):
    obey, sign_policy = obeying
    taker.answer(503)
    agent = obey("--settings", sign_policy(trial_ms=10000))
    assert "accepted" in agent.stdout.readline()
    wait_until(lambda: len(waiting(spool)) >= 2)  # it spools again: the trial is over
    assert not (spool / "policy.cose").exists()
    taker.answer(200)
    wait_until(lambda: any(report.get(SETTINGS, [0] * 8)[5] == 10 for report in taker.taken()))
    end(agent)
    assert not (spool / "policy.cose").exists()
