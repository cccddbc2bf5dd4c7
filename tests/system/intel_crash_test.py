# SPDX-License-Identifier: MIT
"""Whenever the service is killed, there is a whole index, and nothing acknowledged is lost."""
import json
import random
import threading
import time
import urllib.error
import urllib.request

KILLS = 50
PUSHERS = 8  # at once, so that pushes share a version and its way to the disk
LISTED = 20000
TELL_S = 10


def ask(service, method, path, body=None):
    """The status; None if nobody answered."""
    request = urllib.request.Request(service.url + path, method=method,
                                     data=None if body is None else json.dumps(body).encode(),
                                     headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=TELL_S) as reply:
            return reply.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


class Pusher(threading.Thread):
    """Puts indicators into a feed, and takes some out again, until nobody answers."""

    def __init__(self, service, first):
        super().__init__()
        self.service = service
        self.number = first
        self.there = set()
        self.gone = set()

    def change(self, method, values):
        body = {"items": [{"value": value} for value in values]}
        return ask(self.service, method, "/v1/feeds/mine/indicators", body) == 200

    def run(self):
        while True:
            values = [f"host-{self.number + n}.example.com" for n in range(3)]
            self.number += 3
            if not self.change("PUT", values):
                return
            self.there.update(values)
            taken = values[0]
            self.there.discard(taken)  # until it is known what became of it
            if not self.change("DELETE", [taken]):
                return
            self.gone.add(taken)


class Builder(threading.Thread):
    """Makes the service load, build and merge all the time."""

    def __init__(self, service):
        super().__init__()
        self.service = service
        self.builds = 0

    def run(self):
        settings = {"from": "file", "source": "list.txt", "period": "PT1M"}
        while True:
            settings["confidence"] = random.randrange(101)
            if ask(self.service, "PUT", "/v1/feeds/list", settings) is None:
                return
            if ask(self.service, "POST", "/v1/feeds/list/refresh") is None:
                return
            self.builds += 1


def write_list(service, start):
    feeds = service.data / "feeds"
    feeds.mkdir(parents=True, exist_ok=True)
    lines = [f"{20 + (start + n) // 65536 % 100}.{(start + n) // 256 % 256}.{(start + n) % 256}.9"
             for n in range(LISTED)]
    (feeds / "list.txt.new").write_text("\n".join(lines) + "\n", encoding="ascii")
    (feeds / "list.txt.new").rename(feeds / "list.txt")


def is_there(service, value):
    """Whether the feed has a value, by looking it up."""
    records = service.get(f"/v1/indicators/{value}")["records"]
    return any(record["indicator"]["feed"] == "mine" for record in records)


def pushed(service):
    """Values of the feed, page by page; a build in between can change their order."""
    found = set()
    page = {"next": 0}
    while page.get("next") is not None:
        page = service.get(f"/v1/feeds/mine/indicators?limit=1000&offset={page['next']}")
        found.update(item["value"] for item in page["items"])
    return found


def test_fifty_kills_leave_a_whole_index_and_every_acknowledged_push(service):
    random.seed(7)
    service.start()
    assert ask(service, "PUT", "/v1/feeds/mine", {"from": "push"}) == 200
    there, gone = set(), set()
    builds = cuts = 0
    index = service.data / "intel.index"
    for kill in range(KILLS):
        write_list(service, kill * 100)
        pushers = [Pusher(service, (kill * PUSHERS + n) * 100000) for n in range(PUSHERS)]
        builder = Builder(service)
        for thread in [*pushers, builder]:
            thread.start()
        time.sleep(random.uniform(0.02, 0.5))
        service.kill()
        for thread in [*pushers, builder]:
            thread.join()
        there = there.union(*(pusher.there for pusher in pushers))
        gone = gone.union(*(pusher.gone for pusher in pushers))
        builds += builder.builds
        cuts += (service.data / "intel.journal.previous").exists()

        if index.exists():
            looked = service.run("ti", "lookup", "192.0.2.1", "--index", index)
            assert looked.returncode == 0, looked.stderr
        service.restart()
        log = service.log.read_text(encoding="utf-8")
        assert "can't be used" not in log, log
        found = pushed(service)
        for value in there - found:
            assert is_there(service, value), f"{value} is lost after kill {kill}"
        for value in gone & found:
            assert not is_there(service, value), f"{value} is back after kill {kill}"
    assert service.stop() == 0
    assert not list(service.data.glob("lookback-*.new")), "what kills tore piles up"
    assert len(there) > KILLS * PUSHERS and builds > KILLS and cuts > KILLS / 2
