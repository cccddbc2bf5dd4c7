# SPDX-License-Identifier: MIT
"""Servers of feeds on the loopback, and the probe that fetches from them."""
import json
import os
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROBE = Path(os.environ.get("FEED_PROBE") or ROOT / "build/dev/tests/system/feed_probe")
SECONDS_MAX = 60

needs_probe = pytest.mark.skipif(not PROBE.exists(), reason=f"no probe at {PROBE}")


def probe(*arguments, environment=None):
    """What feed_probe says, as a dictionary; a sanitizer's word is an error."""
    done = subprocess.run([str(PROBE), *map(str, arguments)], capture_output=True, text=True,
                          timeout=SECONDS_MAX, check=False, env={**os.environ,
                                                                 **(environment or {})})
    assert done.returncode == 0 and "Sanitizer" not in done.stderr, done.stderr
    return json.loads(done.stdout)


class Server:
    """Answers each request with answer(request), and keeps (path, headers) of all of them."""

    def __init__(self, answer, context=None):
        self.requests = []
        self.is_over = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.requests.append((self.path, self.headers))
                answer(self)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.outer = self
        if context is not None:
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.port = self.http.server_address[1]
        self.url = f"http{'s' if context else ''}://127.0.0.1:{self.port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def stop(self):
        self.is_over.set()
        self.http.shutdown()
        self.http.server_close()


def reply(request, status=200, body=b"", length=None, **headers):
    """One whole answer, unless length says another one."""
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    request.send_header("Content-Length", str(len(body) if length is None else length))
    request.end_headers()
    request.wfile.write(body)


def tls(certificate, key, authority=None):
    """What a server shows; with an authority, clients have to show a certificate of it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if authority is not None:
        context.load_verify_locations(authority)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class Collection:
    """A collection as a TAXII 2.1 server has it: pages, added_after, the newest versions only."""

    def __init__(self, objects, page_max=2, gives_next=True):
        self.rows = []  # (date added, object)
        self.page_max = page_max
        self.gives_next = gives_next
        for thing in objects:
            self.add(thing)

    def add(self, thing):
        self.rows.append((f"2026-11-25T00:00:{len(self.rows):02}.000000Z", thing))

    def newest(self):
        versions = {}
        for added, thing in self.rows:
            known = versions.get(thing["id"])
            if known is None or known[1].get("modified", "") <= thing.get("modified", ""):
                versions[thing["id"]] = (added, thing)
        return sorted(versions.values(), key=lambda row: row[0])

    def answer(self, request):
        place = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(place.query).items()}
        if place.path != "/api1/collections/c1/objects/":
            return reply(request, 404)
        if request.headers["Accept"] != "application/taxii+json;version=2.1":
            return reply(request, 406)
        rows = [row for row in self.newest()
                if row[0] > query.get("added_after", "")
                and row[1]["type"] == query.get("match[type]", row[1]["type"])]
        first = int(query.get("next", 0))
        page = rows[first:first + min(self.page_max, int(query["limit"]))]
        is_more = first + len(page) < len(rows)
        envelope = {"objects": [thing for _, thing in page]} if page else {}
        if is_more:
            envelope["more"] = True
            if self.gives_next:
                envelope["next"] = str(first + len(page))
        dates = {"X_TAXII_Date_Added_First": page[0][0],
                 "X_TAXII_Date_Added_Last": page[-1][0]} if page else {}
        return reply(request, body=json.dumps(envelope).encode(),
                     Content_Type="application/taxii+json;version=2.1", **dates)
