# SPDX-License-Identifier: MIT
"""Feeds are fetched over HTTP, from a real server, within limits and without a secret told."""
import email.utils
import socket
import time

import pytest

from agent_tls_test import Authority
from feed_server import Server, needs_probe, probe, reply, tls

pytestmark = needs_probe

SECRET = "s3cret"
MODIFIED_S = 1790000000


@pytest.fixture
def serve():
    """Starts servers, and stops them in the end."""
    servers = []

    def start(answer, context=None):
        servers.append(Server(answer, context))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def fetch(url, *options, **more):
    answer = probe("fetch", url, *options, **more)
    assert SECRET not in answer["error"]
    return answer


def document(request):
    reply(request, body=b"192.0.2.1\n", ETag='"v1"', Content_Type="text/plain",
          Last_Modified=email.utils.formatdate(MODIFIED_S, usegmt=True))


def test_document_comes_with_what_saves_the_next_fetching(serve):
    answer = fetch(serve(document).url)
    assert answer["status"] == "good" and answer["http_status"] == 200
    assert answer["content"] == "192.0.2.1\n"
    assert answer["etag"] == '"v1"' and answer["modified_us"] == MODIFIED_S * 1000000
    assert answer["content_type"] == "text/plain"


def test_unchanged_document_is_not_sent_again(serve):
    def answer(request):
        if request.headers.get("If-None-Match") == '"v1"' or \
                request.headers.get("If-Modified-Since") == "Tue, 22 Sep 2026 17:46:40 GMT":
            reply(request, 304, ETag='"v1"')
        else:
            document(request)

    assert time.gmtime(1790099200)[:6] == (2026, 9, 22, 17, 46, 40)
    server = serve(answer)
    for options in (("--etag", '"v1"'), ("--modified", 1790099200 * 1000000)):
        result = fetch(server.url, *options)
        assert result["status"] == "good" and result["is_unchanged"]
        assert result["http_status"] == 304 and result["content"] == ""
    assert not fetch(server.url, "--etag", '"v0"')["is_unchanged"]


@pytest.mark.parametrize("status", (401, 404, 429, 500, 503))
def test_refusal_is_told_with_its_status_and_its_page_is_no_feed(serve, status):
    answer = fetch(serve(lambda request: reply(request, status, b"192.0.2.1\n")).url)
    assert answer["status"] == "input or output failed"
    assert answer["error"] == f"the server answered with HTTP status {status}"
    assert answer["http_status"] == status and answer["content"] == ""


def test_server_says_when_to_come_again(serve):
    answer = fetch(serve(lambda request: reply(request, 503, Retry_After="120")).url)
    assert answer["retry_after_us"] == 120 * 1000000
    later = email.utils.formatdate(time.time() + 600, usegmt=True)
    answer = fetch(serve(lambda request: reply(request, 429, Retry_After=later)).url)
    assert 500 * 1000000 < answer["retry_after_us"] <= 600 * 1000000


def test_longer_document_than_the_limit_is_cut_off(serve):
    def in_pieces(request):
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        for _ in range(64):
            request.wfile.write(b"1000\r\n" + b"a" * 4096 + b"\r\n")
        request.wfile.write(b"0\r\n\r\n")

    told = serve(lambda request: reply(request, body=b"a" * 4096))
    untold = serve(in_pieces)
    for server in (told, untold):
        answer = fetch(server.url, "--bytes", 4095)
        assert answer["status"] == "a stated limit is exceeded"
        assert answer["error"] == "it is longer than the limit of 4095 bytes"
    assert fetch(untold.url, "--limit", 10000)["status"] == "a stated limit is exceeded"
    assert fetch(told.url, "--bytes", 4096)["status"] == "good"


def test_document_that_ends_early_is_no_document(serve):
    def answer(request):
        reply(request, body=b"192.0.2.1\n", length=100)
        request.close_connection = True

    result = fetch(serve(answer).url)
    assert result["error"] == "the connection ended before the document did"


def test_server_that_hangs_is_left_in_time_or_when_told(serve):
    server = serve(lambda request: request.server.outer.is_over.wait(30))
    start = time.monotonic()
    answer = fetch(server.url, "--timeout", 300)
    assert answer["error"] == "no whole answer within 300 ms"
    assert fetch(server.url, "--stop", 2)["error"] == "it was stopped"
    assert time.monotonic() - start < 10


def test_server_that_falls_silent_is_left_long_before_the_end_of_its_time(serve):
    def begin(request):
        request.send_response(200)
        request.send_header("Content-Length", "100")
        request.end_headers()
        request.wfile.write(b"192.0.2.1\n")
        request.wfile.flush()
        request.server.outer.is_over.wait(30)

    start = time.monotonic()
    answer = fetch(serve(begin).url, "--stall", 2)
    assert answer["error"] == "nothing came for 2 s"
    assert time.monotonic() - start < 10


def test_connection_that_does_not_come_is_given_up_early():
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = []
        for _ in range(4):  # its queue is full: nobody accepts
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(full.getsockname())
        start = time.monotonic()
        answer = fetch(f"http://127.0.0.1:{full.getsockname()[1]}/", "--connect", 500)
        assert answer["error"] == "no connection within 500 ms"
        assert time.monotonic() - start < 10
        for one in waiting:
            one.close()


def test_redirects_are_followed_to_http_alone_and_not_for_ever(serve):
    end = serve(document)
    assert fetch(serve(lambda request: reply(request, 302, Location=end.url)).url)[
        "content"] == "192.0.2.1\n"
    around = fetch(serve(lambda request: reply(request, 302, Location="/again")).url)
    assert around["status"] == "input or output failed"
    for place in ("file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/"):
        answer = fetch(serve(lambda request, place=place: reply(request, 302, Location=place)).url)
        assert answer["error"] == "neither http nor https, or a redirect away from https"
        assert answer["content"] == ""


def test_only_http_is_asked(tmp_path):
    (tmp_path / "feed").write_text("192.0.2.1\n", encoding="ascii")
    answer = fetch(f"file://{tmp_path}/feed")
    assert answer["status"] == "input or output failed" and answer["content"] == ""


def test_secrets_go_to_the_first_host_alone(serve):
    end = serve(document)
    other = f"http://localhost:{end.port}/"
    start = serve(lambda request: reply(request, 302, Location=other))
    for options, sent in ((("--user", f"me:{SECRET}"), "Basic bWU6czNjcmV0"),
                          (("--token", SECRET), f"Bearer {SECRET}")):
        assert fetch(start.url, *options)["content"] == "192.0.2.1\n"
        assert start.requests[-1][1]["Authorization"] == sent
        assert end.requests[-1][1]["Authorization"] is None
        assert fetch(end.url, *options)["status"] == "good"
        assert end.requests[-1][1]["Authorization"] == sent


def test_no_secret_is_in_a_sentence(serve):
    server = serve(lambda request: reply(request, 403))
    with_secret = server.url.replace("//", f"//me:{SECRET}@")
    for url, *options in ((with_secret,), (with_secret.replace("http", "gopher"),),
                          (with_secret[:-2] + "x",), (f"http://me:{SECRET}@ bad/",),
                          (server.url, "--token", SECRET),
                          (server.url, "--proxy", f"bad://me:{SECRET}@127.0.0.1:9"),
                          (server.url, "--proxy", f"http://me:{SECRET}@no.invalid:9")):
        answer = fetch(url, *options)
        assert answer["status"] != "good" and answer["error"] != ""


def test_proxy_is_that_of_the_request_and_not_of_the_environment(serve):
    proxy = serve(document)
    assert fetch("http://feed.invalid/list", "--proxy", proxy.url)["content"] == "192.0.2.1\n"
    assert proxy.requests[-1][0] == "http://feed.invalid/list"
    server = serve(document)
    dead = {"http_proxy": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9"}
    assert fetch(server.url, environment=dead)["status"] == "good"


def test_server_and_client_show_who_they_are(serve, tmp_path):
    authority = Authority(tmp_path / "authority")
    stranger = Authority(tmp_path / "stranger")
    context = tls(*authority.certificate("feed"), authority.path)
    server = serve(document, context)
    certificate, key = authority.certificate("client")
    own = ("--certificate", certificate, "--key", key)
    assert fetch(server.url, "--ca", authority.path, *own)["content"] == "192.0.2.1\n"
    for options in (own, ("--ca", stranger.path, *own), ("--ca", authority.path)):
        answer = fetch(server.url, *options)
        assert answer["status"] == "input or output failed" and answer["content"] == ""
    assert "certificate" in fetch(server.url, *own)["error"]


def test_redirect_from_https_to_http_is_refused(serve, tmp_path):
    authority = Authority(tmp_path / "authority")
    plain = serve(document)
    server = serve(lambda request: reply(request, 302, Location=plain.url),
                   tls(*authority.certificate("feed")))
    answer = fetch(server.url, "--ca", authority.path)
    assert answer["error"] == "neither http nor https, or a redirect away from https"
    assert not plain.requests
