"""Slow, silent and hostile clients take nothing from anybody else (S1, S7, O4): the gate in the real server."""

import contextlib
import json
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest
from django.urls import get_resolver

from config.embedded.run import commands
from config.serving.senders import INTAKE, single
from dispatching.inbound import endpoints
from tests.live.product import ROOT, eventually, free_port

BODY = b'{"summary": "x"}'
SOON = 1.5  # seconds on a busy machine; what is slow here lasts 2 and more


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    port = free_port()
    command = list(commands("127.0.0.1", port)["web"])
    command[-1] = "tests.config.gated:gate"
    command[command.index("--workers") + 1] = "1"
    command[command.index("--http1-header-read-timeout") + 1] = "2000"
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        assert eventually(lambda: listens(port), 30)
        yield port
        server.terminate()


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def begin(port: int, head: str, body: bytes = b"", *, length: int | None = None, more: str = "") -> socket.socket:
    """Sends a request, or the part of one, and does not wait for the answer."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=15)
    announced = f"Content-Length: {len(body) if length is None else length}\r\n" if body or length else ""
    connection.sendall(f"{head} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{announced}{more}\r\n".encode())
    connection.sendall(body)
    return connection


def answer(connection: socket.socket) -> tuple[int, dict, float]:
    """Status, JSON, and after how many seconds."""
    began, got = time.monotonic(), b""
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            got += part
    connection.close()
    head, _, body = got.partition(b"\r\n\r\n")
    return int(head.split()[1]) if head else 0, json.loads(body or b"{}"), time.monotonic() - began


def ask(port: int, head: str, body: bytes = b"", **how) -> tuple[int, dict, float]:
    return answer(begin(port, head, body, **how))


def test_slow_bodies_and_stuck_pages_stop_neither_intake_nor_health(port):
    """S1: twenty bodies without a key, a byte and then nothing, stopped everything for as long as they lasted."""
    slow = [begin(port, "POST /v2/enqueue", b"{", length=900) for _ in range(40)]
    slow += [begin(port, "POST /integrations/known/events/", b"{", length=900) for _ in range(40)]
    slow += [begin(port, "POST /login/", b"a", length=900) for _ in range(40)]
    headers = [socket.create_connection(("127.0.0.1", port), timeout=15) for _ in range(40)]
    for each in headers:
        each.sendall(b"POST /v2/enqueue HTTP/1.1\r\nHost: loc")
    pages = [begin(port, "GET /admin/?stuck") for _ in range(20)]
    for head, body in (("POST /integrations/known/events/", BODY), ("GET /healthz", b""), ("GET /a/link/", b"")):
        status, _, seconds = ask(port, head, body)
        assert (status, seconds < SOON) == (202, True), head
    status, told, _ = answer(slow[0])
    assert (status, told["errors"]) == (408, ["body: too slow"])
    assert {answer(each)[0] for each in slow[1:]} == {408}
    assert {each.recv(100) for each in headers} == {b""}, "slow headers have a deadline, too"
    assert {answer(each)[0] for each in pages[:3]} == {503}
    assert ask(port, "GET /login/")[0] == 503, "whoever waits behind them is told, too"
    assert ask(port, "GET /a/free")[0] == 202
    assert ask(port, "GET /login/")[0] == 202


def test_the_key_is_asked_before_the_body_is_read(port):
    """S1: a stranger's body is not waited for; a known sender's is."""
    status, told, seconds = ask(port, "POST /integrations/strange/events/", b"{", length=900)
    assert (status, told["body"], seconds < SOON) == (202, "", True)  # the application says 401, of no body
    assert ask(port, "POST /integrations/known/events/", b"{", length=900)[0] == 408


def test_a_key_that_the_database_cannot_check_is_no_fault_of_the_sender(port):
    """O4: 503, so that it sends again; a 4xx would lose the event."""
    assert ask(port, "POST /integrations/silent/events/", BODY)[0] == 503
    assert ask(port, "GET /a/free")[0] == 202


def test_bodies_of_every_form_arrive_whole_or_are_refused_by_their_size(port):
    chunks = b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (7, BODY[:7], len(BODY) - 7, BODY[7:])
    more = "Transfer-Encoding: chunked\r\n"
    connection = begin(port, "POST /integrations/known/events/", more=more)
    connection.sendall(chunks)
    _, told, _ = answer(connection)
    assert (told["body"], told["CONTENT_LENGTH"], "HTTP_TRANSFER_ENCODING" in told) == (BODY.decode(), "16", False)
    old = socket.create_connection(("127.0.0.1", port), timeout=15)
    old.sendall(b"POST /integrations/known/events/ HTTP/1.0\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY))
    assert answer(old)[1]["body"] == BODY.decode()  # case 13 and its sister: chunks, and HTTP/1.0
    assert ask(port, "POST /integrations/known/events/", b"x" * 1000)[1]["body"] == "x" * 1000
    too_long = ask(port, "POST /integrations/known/events/", b"x", length=1001)
    assert (too_long[0], too_long[1]["CONTENT_LENGTH"], too_long[1]["body"]) == (202, "1001", "")  # the view says 413
    assert ask(port, "POST /login/", b"x", length=6_000_000)[0] == 413
    assert len(ask(port, "POST /admin/import/", b"x" * 6_000_000)[1]["body"]) == 6_000_000
    files = [begin(port, "POST /admin/import/", b"x", length=6_000_000) for _ in range(3)]
    assert answer(files.pop())[0] == 503, "a few at a time, because they lie in memory"
    for each in files:
        each.close()


def test_large_bodies_of_strangers_are_read_a_few_at_a_time(port):
    """S1: eighty of them, sent but for their last byte, lay in memory until their deadline."""
    forms = [begin(port, "POST /login/", b"a", length=100_000) for _ in range(17)]
    events = [begin(port, "POST /v2/enqueue", more="Transfer-Encoding: chunked\r\n") for _ in range(65)]
    for large in (forms, events):
        status, told, seconds = answer(large[-1])
        assert (status, told["errors"], seconds < SOON) == (503, ["too much at once"], True)
    for head in ("POST /login/", "POST /v2/enqueue", "POST /integrations/known/events/"):
        assert ask(port, head, BODY)[0] == 202
    for each in (*forms, *events):
        each.close()


def test_the_application_gets_what_wsgi_promises(port):
    more = "X-A: 1\r\nX-A: 2\r\nCookie: a=1\r\nCookie: b=2\r\nX_Forwarded_For: 6.6.6.6\r\nContent-Type: text/x\r\n"
    _, told, _ = ask(port, "POST /caf%C3%A9%20x/?q=%41", b"x", more=more)
    assert (told["PATH_INFO"], told["QUERY_STRING"]) == ("/caf\u00c3\u00a9 x/", "q=%41")
    assert (told["HTTP_X_A"], told["HTTP_COOKIE"], told["CONTENT_TYPE"]) == ("1,2", "a=1; b=2", "text/x")
    assert (told["REMOTE_ADDR"], told["SERVER_PORT"]) == ("127.0.0.1", str(port))
    assert "HTTP_X_FORWARDED_FOR" not in told, "a name with an underscore must not pass for the proxy's"


def test_an_error_is_a_500_and_its_thread_goes_on(port):
    assert [ask(port, "GET /a/?broken")[0] for _ in range(12)] == [500] * 12
    assert ask(port, "GET /a/")[0] == 202


def test_every_path_of_intake_is_in_its_lane():
    """A new format's path must begin like the others, or slow pages could stop it."""
    views = {each.callback: str(each.pattern) for each in get_resolver().url_patterns if each.callback}
    intake = [view for view in views if view.__module__ == endpoints.__name__ and view is not endpoints.nothing_here]
    assert len(intake) >= 4
    found = ["/" + views[view].removeprefix("^[/]*").replace("/+", "/") for view in intake]
    assert [path for path in found if not path.startswith(INTAKE)] == []
    assert [single(path) for path in ("//v2//enqueue", "/a/b/")] == ["/v2/enqueue", "/a/b/"]
