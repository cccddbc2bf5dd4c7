# SPDX-License-Identifier: MIT
"""Backups of a service under load, back from them, and what is told of damage."""
import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from datetime import datetime, timedelta, timezone

import pytest

from conftest import Service
from fleet import Fleet, check_each, wait_until
from flows_test import report
from intel_crash_test import Builder, Pusher, ask, is_there, write_list

LISTED = "198.51.100.7"
OVER = datetime.now(timezone.utc).date() - timedelta(days=3)  # a day that is sealed


def run(picket, *arguments):
    return subprocess.run([str(picket), *map(str, arguments)], capture_output=True, text=True,
                          timeout=120, check=False, stdin=subprocess.DEVNULL)


@pytest.fixture(name="verb")
def make_verb(picket):
    """A verb that must do well, without a sanitizer's word; what it printed."""
    def call(*arguments):
        ran = run(picket, *arguments)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert ran.stderr == ""
        return ran.stdout
    return call


@pytest.fixture(name="refused")
def make_refused(picket):
    """One that must be refused in one sentence, which is returned."""
    def call(*arguments):
        ran = run(picket, *arguments)
        assert ran.returncode == 1, ran.stdout + ran.stderr
        assert ran.stderr.startswith("picket: ") and ran.stderr.count("\n") == 1, ran.stderr
        return ran.stderr
    return call


@pytest.fixture(name="restored")
def make_restored(picket, verb, tmp_path):
    """Services on data folders that were put back from backups."""
    started = []

    def call(backup):
        again = Service(picket, tmp_path / f"again-{len(started)}")
        again.folder.mkdir()
        verb("restore", backup, "--data", again.data)
        started.append(again)
        return again.start()
    yield call
    for again in started:
        if again.process.poll() is None:
            assert again.stop() == 0, again.log.read_text(encoding="utf-8")
        assert "Sanitizer" not in again.log.read_text(encoding="utf-8")


def reports(service):
    """How many were stored since it started."""
    return service.get("/v1/status")["pipeline"]["reports"]


def query(path, sql):
    database = sqlite3.connect(path)
    rows = database.execute(sql).fetchall()
    database.close()
    return rows


def check_flows(folder):
    """Each report that the devices' rows count is among the flows once; how many there are."""
    stored = dict(query(folder / "picket.db", "SELECT id, reports FROM device"
                        " WHERE id <> '(service)'"))
    ((last,),) = query(folder / "picket.db", "SELECT number FROM flow_number")
    found, numbers = {}, []
    for day in (folder / "flows").glob("*.db"):
        for device, count in query(day, "SELECT id, count(*) FROM report JOIN device"
                                   " ON device.number = report.device GROUP BY id"):
            found[device] = found.get(device, 0) + count
        numbers += [row[0] for row in query(day, "SELECT number FROM report")]
    assert found == stored
    assert sorted(numbers) == list(range(1, last + 1))
    return last


def test_backups_under_load_have_what_was_acknowledged_before_them_once(
        service, picket, tmp_path, verb, restored):
    service.start()
    before = Fleet(picket, tmp_path, service.url).start()
    assert wait_until(lambda: reports(service) > 500)
    assert " 0 lost, 0 twice" in before.end()
    beside = Fleet(picket, tmp_path, service.url, devices=48)
    beside.state = tmp_path / "beside.txt"
    beside.log = tmp_path / "beside.log"
    beside.start()
    for number in (1, 2, 3):
        there = reports(service)
        assert wait_until(lambda there=there: reports(service) > there + 200)
        service.post("mark", report(number))  # acknowledged, and the backup begins
        verb("backup", "--data", service.data, "--to", tmp_path / f"backup-{number}")
        assert beside.process.poll() is None
    said = beside.end()
    assert " 0 lost, 0 twice" in said and " 0 refused" in said, said
    for number in (1, 2, 3):
        verb("check", "--data", tmp_path / f"backup-{number}")
        again = restored(tmp_path / f"backup-{number}")
        assert again.get("/v1/devices/mark")["reports"] == number
        before.url = again.url
        assert before.check().returncode == 0
        check_each(again, before)
        again.stop()
        assert check_flows(again.data) > 500


def test_backup_outlives_a_kill_of_the_service_and_what_comes_after(
        service, picket, tmp_path, verb, restored):
    service.start()
    before = Fleet(picket, tmp_path, service.url).start()
    assert wait_until(lambda: reports(service) > 2000)
    assert " 0 lost, 0 twice" in before.end()
    paused = 0
    for number in range(4):
        to = tmp_path / f"backup-{number}"
        backup = subprocess.Popen([picket, "backup", "--data", service.data, "--to", to],
                                  stdout=subprocess.DEVNULL)
        time.sleep(random.uniform(0, 0.06))
        backup.send_signal(signal.SIGSTOP)
        paused += not to.exists()
        service.kill()
        service.restart()
        after = Fleet(picket, tmp_path, service.url)
        after.state = tmp_path / f"after-{number}.txt"
        after.start()
        assert wait_until(lambda: reports(service) > 1000)
        assert " 0 lost, 0 twice" in after.end()
        backup.send_signal(signal.SIGCONT)
        assert backup.wait(timeout=60) == 0
        verb("check", "--data", to)
        again = restored(to)
        before.url = again.url
        assert before.check().returncode == 0
        again.stop()
        check_flows(again.data)
    assert paused > 0, "every backup was done before the kill"


def test_restored_service_goes_on(service, picket, tmp_path, verb, restored):
    service.start()
    fleet = Fleet(picket, tmp_path, service.url).start()
    assert wait_until(lambda: reports(service) > 500)
    verb("backup", "--data", service.data, "--to", tmp_path / "backup")
    assert " 0 lost, 0 twice" in fleet.end()
    again = restored(tmp_path / "backup")
    more = Fleet(picket, tmp_path, again.url)
    more.state = tmp_path / "more.txt"
    more.start()
    assert wait_until(lambda: reports(again) > 500)
    assert " 0 lost, 0 twice" in more.end()
    again.kill()
    again.restart()
    assert more.url != again.url
    more.url = again.url
    assert more.check().returncode == 0
    again.stop()
    check_flows(again.data)
    verb("check", "--data", again.data)


def test_pushes_that_were_acknowledged_are_there_while_the_index_is_built_anew(
        service, tmp_path, verb, restored):
    service.start()
    assert ask(service, "PUT", "/v1/feeds/mine", {"from": "push"}) == 200
    write_list(service, 0)
    threads = [*(Pusher(service, n * 100000) for n in range(4)), Builder(service)]
    for thread in threads:
        thread.start()
    sure = []
    for number in range(4):
        time.sleep(0.5)
        # what is being taken out at this moment is in neither set
        sure.append({value for pusher in threads[:4] for value in list(pusher.there)})
        verb("backup", "--data", service.data, "--to", tmp_path / f"backup-{number}")
    service.kill()
    for thread in threads:
        thread.join()
    assert threads[4].builds > 4 and (service.data / "intel.journal.previous").exists()
    gone = set().union(*(pusher.gone for pusher in threads[:4]))
    stay = set().union(*(pusher.there for pusher in threads[:4]))
    for number in range(4):
        again = restored(tmp_path / f"backup-{number}")
        assert "can't be used" not in again.log.read_text(encoding="utf-8")
        wanted = sorted((sure[number] & stay) - gone)
        assert len(wanted) > 20
        for value in random.sample(wanted, 20):
            assert is_there(again, value), (number, value)
        assert (again.data / "feeds" / "list.txt").exists()
        again.stop()


def start_with_all(service, tmp_path):
    """A service that has a file of each kind, stopped."""
    listed = tmp_path / "listed.txt"
    listed.write_text(LISTED + "\n", encoding="ascii")
    service.start("--intel", listed)
    for sequence in range(1, 6):
        service.post("d1", report(sequence))
    assert service.stop() == 0
    (day,) = (service.data / "flows").glob("*.db")
    shutil.copy(day, service.data / "flows" / f"{OVER}.db")
    service.start()
    assert wait_until(lambda: not (service.data / "flows" / f"{OVER}.db").exists())
    assert ask(service, "PUT", "/v1/feeds/mine", {"from": "push"}) == 200
    for number in range(3):
        body = {"items": [{"value": f"host-{number}.example.com"}]}
        assert ask(service, "PUT", "/v1/feeds/mine/indicators", body) == 200
    (service.data / "feeds" / "secret").write_text("hush", encoding="ascii")
    assert service.stop() == 0
    shutil.copy(service.data / "intel.index", service.data / "lookback-0000000007")


def names(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_backup_of_a_stopped_service_is_the_same_folder_for_its_owner_alone(
        service, tmp_path, verb):
    start_with_all(service, tmp_path)
    to = tmp_path / "backup"
    said = verb("backup", "--data", service.data, "--to", to)
    assert said.startswith(f"{to}: ") and " files, " in said
    assert names(to) == names(service.data) - {"lock"} | {"manifest.json"}
    assert {"intel.index", "intel.journal", "lookback-0000000007", "feeds/secret",
            f"flows/{OVER}.sealed.db"} < names(to)
    for path in [to, *to.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path
    again = tmp_path / "again"
    verb("restore", to, "--data", again)
    assert names(again) == names(to) - {"manifest.json"}
    for name in names(again):
        assert (again / name).read_bytes() == (to / name).read_bytes()
        assert (again / name).stat().st_mode & 0o077 == 0
    manifest = json.loads((to / "manifest.json").read_text(encoding="utf-8"))
    assert {item["name"] for item in manifest["files"]} == names(again)


def test_backup_of_a_killed_service_has_what_was_only_in_its_log(service, tmp_path, verb, restored):
    service.start()
    for sequence in range(1, 6):
        service.post("d1", report(sequence))
    service.kill()
    verb("backup", "--data", service.data, "--to", tmp_path / "backup")
    assert restored(tmp_path / "backup").get("/v1/devices/d1")["reports"] == 5


def damage(path, offset=None):
    content = bytearray(path.read_bytes() or b"?")
    offset = len(content) // 2 if offset is None else offset
    content[offset] ^= 0x55
    path.write_bytes(bytes(content))


def test_damaged_backup_is_refused_by_the_name_of_the_file(
        service, tmp_path, verb, refused, picket):
    start_with_all(service, tmp_path)
    whole, damaged, again = tmp_path / "whole", tmp_path / "damaged", tmp_path / "again"
    verb("backup", "--data", service.data, "--to", whole)
    for name in sorted(names(whole) - {"manifest.json"}):
        shutil.rmtree(damaged, ignore_errors=True)
        shutil.copytree(whole, damaged)
        damage(damaged / name)
        assert f"{damaged}/{name} is damaged" in refused("restore", damaged, "--data", again)
        checked = run(picket, "check", "--data", damaged)
        assert checked.returncode == 1 and f"{name}: it is not what was backed up" in checked.stdout
        (damaged / name).unlink()
        assert f"{damaged}/{name} is missing" in refused("restore", damaged, "--data", again)
        assert names(tmp_path).isdisjoint({"again"}) and not list(tmp_path.glob("again*"))


def seal_anew(backup):
    """The manifest says what is there, damaged or not."""
    manifest = json.loads((backup / "manifest.json").read_text(encoding="utf-8"))
    for item in manifest["files"]:
        content = (backup / item["name"]).read_bytes()
        item.update(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    (backup / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def test_damaged_store_is_not_backed_up_and_no_backup_of_one_is_put_in_place(
        service, tmp_path, verb, refused):
    start_with_all(service, tmp_path)
    verb("backup", "--data", service.data, "--to", tmp_path / "backup")
    damage(tmp_path / "backup" / "picket.db", 4096)
    seal_anew(tmp_path / "backup")
    said = refused("restore", tmp_path / "backup", "--data", tmp_path / "again")
    assert "picket.db: damaged" in said
    assert not list(tmp_path.glob("again*"))
    damage(service.data / "picket.db", 4096)
    said = refused("backup", "--data", service.data, "--to", tmp_path / "another")
    assert "picket.db: damaged" in said
    assert not list(tmp_path.glob("another*"))


@pytest.mark.parametrize("change, said", [
    (lambda manifest: manifest.clear(), "is not the manifest of a backup"),
    (lambda manifest: manifest.update(picket_backup=2, version="9.1"), "a newer Picket (9.1)"),
    (lambda manifest: manifest["files"][0].update(name="../../etc/x"), "a file has no name"),
    (lambda manifest: manifest["files"][0].update(bytes=-1), "a file has no name"),
    (lambda manifest: manifest["files"].clear(), "there is no picket.db"),
])
def test_manifest_that_makes_no_sense_is_refused(service, tmp_path, verb, refused, change, said):
    service.start()
    to = tmp_path / "backup"
    verb("backup", "--data", service.data, "--to", to)
    manifest = json.loads((to / "manifest.json").read_text(encoding="utf-8"))
    change(manifest)
    (to / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert said in refused("restore", to, "--data", tmp_path / "again")
    assert not list(tmp_path.glob("again*"))


def test_what_can_not_be_is_refused_and_changes_nothing(service, tmp_path, verb, refused):
    service.start()
    service.post("d1", report(1))
    to = tmp_path / "backup"
    verb("backup", "--data", service.data, "--to", to)
    (tmp_path / "empty").mkdir()
    before = names(tmp_path)
    assert "a service is running" in refused("restore", to, "--data", service.data)
    assert "not an empty folder" in refused("restore", to, "--data", to)
    assert "no manifest.json" in refused("restore", tmp_path, "--data", tmp_path / "again")
    assert "not an empty folder" in refused("backup", "--data", service.data, "--to", to)
    assert "one is in the other" in refused(
        "backup", "--data", service.data, "--to", service.data / "backup")
    assert "no data folder" in refused("backup", "--data", tmp_path / "empty", "--to",
                                       tmp_path / "x")
    assert "no data folder" in refused("check", "--data", tmp_path / "nowhere")
    assert "No such file" in refused("backup", "--data", service.data, "--to",
                                     tmp_path / "nowhere" / "x")
    assert names(tmp_path) == before
    verb("restore", to, "--data", tmp_path / "empty")
    assert service.get("/v1/devices/d1")["reports"] == 1


def test_data_folder_of_a_running_service_is_not_taken_for_what_an_interruption_left(
        service, tmp_path, refused):
    service.data = tmp_path / "backup.partial"
    service.start()
    service.post("d1", report(1))
    for to in ("backup", "backup/", "backup.partial/x", "../" + tmp_path.name + "/backup"):
        assert "one is in the other" in refused(
            "backup", "--data", service.data, "--to", f"{tmp_path}/{to}")
    service.post("d1", report(2))
    assert service.stop() == 0
    service.start()
    assert service.get("/v1/devices/d1")["reports"] == 2


@pytest.mark.parametrize("arguments", [
    ("backup",), ("backup", "--to"), ("backup", "--to", "a", "b"), ("restore",),
    ("restore", "a", "b"), ("restore", "a", "--to", "b"), ("check", "a"), ("check", "--data", "")])
def test_command_line_that_makes_no_sense_is_told(picket, arguments):
    assert run(picket, *arguments).returncode == 2


def test_interrupted_backup_is_none_and_the_next_takes_its_place(
        service, picket, tmp_path, verb, refused):
    service.start()
    fleet = Fleet(picket, tmp_path, service.url).start()
    assert wait_until(lambda: reports(service) > 500)
    to = tmp_path / "backup"
    partial = tmp_path / "backup.partial"
    interrupted = 0
    for _ in range(12):
        process = subprocess.Popen([picket, "backup", "--data", service.data, "--to", to],
                                   stdout=subprocess.DEVNULL)
        time.sleep(random.uniform(0, 0.15))
        process.kill()
        process.wait()
        if partial.exists():
            assert not to.exists()
        if partial.exists() and not (partial / "manifest.json").exists():
            interrupted += 1
            refused("restore", partial, "--data", tmp_path / "again")
        if to.exists():
            verb("check", "--data", to)
            shutil.rmtree(to)
    verb("backup", "--data", service.data, "--to", to)
    assert not partial.exists()
    assert " 0 lost, 0 twice" in fleet.end()
    assert interrupted > 0, "no backup was interrupted"


def test_interrupted_restore_leaves_nothing_or_all(service, picket, tmp_path, verb):
    service.start()
    fleet = Fleet(picket, tmp_path, service.url).start()
    assert wait_until(lambda: reports(service) > 1000)
    assert " 0 lost, 0 twice" in fleet.end()
    verb("backup", "--data", service.data, "--to", tmp_path / "backup")
    again = tmp_path / "again"
    for _ in range(8):
        process = subprocess.Popen([picket, "restore", tmp_path / "backup", "--data", again],
                                   stdout=subprocess.DEVNULL)
        time.sleep(random.uniform(0, 0.2))
        process.kill()
        process.wait()
        if again.exists():
            verb("check", "--data", again)
            shutil.rmtree(again)
    verb("restore", tmp_path / "backup", "--data", again)
    assert not (tmp_path / "again.partial").exists()
    check_flows(again)


@pytest.fixture(name="small")
def make_small(tmp_path):
    """A disk of 256 kB for backups."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs", folder],
            capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk can't be made here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_full_disk_refuses_a_backup_and_nothing_else(
        service, picket, tmp_path, verb, refused, small):
    service.start()
    fleet = Fleet(picket, tmp_path, service.url).start()
    assert wait_until(lambda: reports(service) > 2000)
    said = refused("backup", "--data", service.data, "--to", small / "backup")
    assert "make room on the disk" in said
    assert list(small.iterdir()) == []
    there = reports(service)
    assert wait_until(lambda: reports(service) > there + 200)
    said = fleet.end()
    assert " 0 lost, 0 twice" in said and " 0 put off" in said, said
    verb("backup", "--data", service.data, "--to", tmp_path / "backup")
    assert "make room on the disk" in refused("restore", tmp_path / "backup", "--data",
                                              small / "again")
    assert list(small.iterdir()) == []


def test_mount_point_is_told(tmp_path, service, verb, refused, small):
    service.start()
    verb("backup", "--data", service.data, "--to", tmp_path / "backup")
    assert "use a folder in it" in refused("restore", tmp_path / "backup", "--data", small)


def damage_pack(data):
    database = sqlite3.connect(max((data / "flows").glob("*.db")))
    database.execute("UPDATE report SET pack = x'00ff' WHERE number = 3")
    database.commit()
    database.close()


DAMAGE = {
    "picket.db": lambda data: damage(data / "picket.db", 4096),
    "flows/": damage_pack,
    f"flows/{OVER}.sealed.db": lambda data: damage(
        data / f"flows/{OVER}.sealed.db", 4096),
    "intel.index": lambda data: damage(data / "intel.index"),
    "intel.journal": lambda data: damage(data / "intel.journal", 30),
    "lookback-0000000007": lambda data: damage(data / "lookback-0000000007"),
}


def test_check_finds_damage_in_each_kind_of_file(service, tmp_path, verb, picket):
    start_with_all(service, tmp_path)
    (service.data / "lookback-0000000009.new").write_bytes(b"torn by a crash")
    said = verb("check", "--data", service.data)
    assert said.count(": good\n") == len(said.splitlines()) >= 6
    for name, plant in DAMAGE.items():
        data = tmp_path / "damaged"
        shutil.copytree(service.data, data)
        plant(data)
        checked = run(picket, "check", "--data", data)
        assert checked.returncode == 1, name
        bad = [line for line in checked.stdout.splitlines() if not line.endswith(": good")]
        assert len(bad) == 1 and bad[0].startswith(name), checked.stdout
        assert "put a backup in its place" in bad[0]
        shutil.rmtree(data)


def test_check_beside_a_service_under_load_finds_nothing(service, picket, tmp_path, verb):
    service.start()
    fleet = Fleet(picket, tmp_path, service.url).start()
    assert ask(service, "PUT", "/v1/feeds/mine", {"from": "push"}) == 200
    pusher = Pusher(service, 0)
    pusher.start()
    assert wait_until(lambda: reports(service) > 200)
    for _ in range(5):
        said = verb("check", "--data", service.data)
        assert said.count(": good\n") == len(said.splitlines())
    assert " 0 lost, 0 twice" in fleet.end()
    assert service.stop() == 0
    pusher.join()
