"""Real receivers on loopback: an HTTP and a mail server that do what a test tells them and keep what they get."""

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

CERTIFICATE = Path(__file__).with_name("hooks_test.pem")  # self-signed, for hooks.test

Answer = Callable[[BaseHTTPRequestHandler], None]


def answer(status: int, body: bytes = b"", **headers: str) -> Answer:
    def give(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return give


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """Takes the request and closes the connection without a word."""
    handler.close_connection = True


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes
    peer: tuple[str, int]


@dataclass
class HttpReceiver:
    """Gives the answers in `script` in turn, then `always`."""

    port: int
    script: list[Answer] = field(default_factory=list)
    always: Answer = answer(200)
    requests: list[Received] = field(default_factory=list)
    names: list[str] = field(default_factory=list)  # asked for in the TLS handshake
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def silence(self, handler: BaseHTTPRequestHandler) -> None:
        """Says nothing until the test is over."""
        self.released.wait(30)
        handler.close_connection = True


def _handler_for(receiver: HttpReceiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.requests.append(Received(self.path, headers, body, self.client_address))
            give = receiver.script.pop(0) if receiver.script else receiver.always
            give(self)

        do_GET = do_POST

        def log_message(self, *args: Any) -> None:
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that has read enough hangs up


@contextmanager
def http_receiver(*, tls: bool = False) -> Iterator[HttpReceiver]:
    receiver = HttpReceiver(port=0)
    server = _Server(("127.0.0.1", 0), _handler_for(receiver))
    receiver.port = server.server_port
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        context.sni_callback = lambda _socket, name, _context: receiver.names.append(name)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.shutdown()
        server.server_close()


def _unix(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n")


class MailReceiver:
    """An SMTP server. `mail`, `rcpt` and `data` hold its next answers to those commands; None there hangs up instead."""

    def __init__(self) -> None:
        self.port = 0
        self.sessions: list[Any] = []
        self.mails: list[Any] = []
        self.mail: list[str | None] = []
        self.rcpt: list[str | None] = []
        self.data: list[str | None] = []
        self.silent = False

    @property
    def messages(self) -> list[EmailMessage]:
        return [message_from_bytes(_unix(mail.content), policy=policy.default) for mail in self.mails]

    async def handle_EHLO(self, server: Any, session: Any, envelope: Any, hostname: str, responses: list) -> list:
        session.host_name = hostname
        self.sessions.append(server)
        return responses

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list) -> str:
        said = self._next(self.mail, server, "250 OK")
        if said.startswith("250"):
            envelope.mail_from, envelope.mail_options = address, options
        return said

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list) -> str:
        if self.silent:
            await asyncio.Event().wait()
        said = self._next(self.rcpt, server, "250 OK")
        envelope.rcpt_tos += [address] if said.startswith("250") else []
        return said

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append(envelope)
        return self._next(self.data, server, "250 queued as 4711")

    def hang_up(self) -> None:
        """Closes every connection, as a server does with one that has been idle for long."""
        for server in self.sessions:
            server.transport.get_extra_info("socket").shutdown(2)

    def _next(self, script: list[str | None], server: Any, usual: str) -> str:
        said = script.pop(0) if script else usual
        if said is None:
            server.transport.get_extra_info("socket").shutdown(2)
            return usual
        return said


def _nobody(*_: Any) -> AuthResult:
    return AuthResult(success=False, handled=False)


class _Controller(Controller):
    def _trigger_server(self) -> None:
        # It connects to the port that it was given, and 0 is none.
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def mail_receiver() -> Iterator[MailReceiver]:
    receiver = MailReceiver()
    controller = _Controller(receiver, hostname="127.0.0.1", port=0, authenticator=_nobody, auth_require_tls=False)
    controller.start()
    receiver.port = controller.port
    try:
        yield receiver
    finally:
        controller.stop()
