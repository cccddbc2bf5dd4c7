# SPDX-License-Identifier: MIT
"""A service that does with reports what a test wants.

Run as a program: FOLDER [CERTIFICATE KEY CA]. Answers with the status that FOLDER/status holds,
400 to bodies that FOLDER/poison holds as hex, and keeps what it took in FOLDER/taken, one hex
line each. With a certificate it speaks TLS, and asks its clients for theirs, by that CA. If there is
FOLDER/forward, what would be answered with 200 goes to the service that it names, for its answer.
"""
import http.server
import pathlib
import ssl
import subprocess
import sys
import time
import urllib.request

import cbor2

PORT = 8481


class Door(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        folder = self.server.folder
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = int((folder / "status").read_text(encoding="ascii"))
        time.sleep(float((folder / "delay").read_text(encoding="ascii")))
        if status == 200 and body.hex() in (folder / "poison").read_text(encoding="ascii"):
            status = 400
        with open(folder / "asked", "a", encoding="ascii") as asked:
            asked.write(f"{status} {self.path} {body.hex()}\n")
        kind, answer = "text/plain", b""
        if status == 200 and (folder / "forward").exists():
            status, kind, answer = self.forward(body)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def forward(self, body):
        """(status, type, body) of the real service's answer."""
        service = (self.server.folder / "forward").read_text(encoding="ascii")
        question = urllib.request.Request(service + self.path, body,
                                          {"Content-Type": self.headers["Content-Type"]})
        with urllib.request.urlopen(question, timeout=10) as reply:
            return reply.status, reply.headers["Content-Type"], reply.read()

    def log_message(self, *_):
        pass


class Taker:
    """The program as a test sees it."""

    def __init__(self, network, folder, tls=()):
        self.folder = folder
        folder.mkdir()
        (folder / "asked").touch()
        (folder / "poison").touch()
        self.delay(0)
        self.answer(200)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{PORT}"
        self.process = subprocess.Popen(
            network.on(network.device, sys.executable, __file__, folder, *tls),
            stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def answer(self, status):
        (self.folder / "status.new").write_text(str(status), encoding="ascii")
        (self.folder / "status.new").rename(self.folder / "status")

    def delay(self, seconds):
        (self.folder / "delay").write_text(str(seconds), encoding="ascii")

    def forward(self, url):
        (self.folder / "forward").write_text(url, encoding="ascii")

    def poison(self, body):
        (self.folder / "poison").write_text(body.hex(), encoding="ascii")

    def asked(self):
        """[(status, path, report as a map)] in the order of the questions."""
        lines = (self.folder / "asked").read_text(encoding="ascii").splitlines()
        return [(int(status), path, cbor2.loads(bytes.fromhex(body)))
                for status, path, body in map(str.split, lines)]

    def taken(self):
        """Reports answered with 200."""
        return [report for status, _, report in self.asked() if status == 200]

    def stop(self):
        self.process.kill()
        self.process.communicate(timeout=10)


def run(folder, *tls):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Door)
    server.folder = pathlib.Path(folder)
    if tls:
        certificate, key, authority = tls
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(authority)
        context.verify_mode = ssl.CERT_REQUIRED
        server.socket = context.wrap_socket(server.socket, server_side=True)
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    run(*sys.argv[1:])
