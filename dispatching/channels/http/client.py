"""The only HTTP client of Tocsin. Every connection goes to an address that was checked, and to no other (faults K1 to K4).

The check is made where the socket is opened, so neither a redirect nor a name that resolves differently the second time
gets around it. `Host`, SNI and the certificate check still use the name.
"""

import base64
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from ipaddress import ip_address
from typing import Any

import certifi
import httpcore
from django.conf import settings

from dispatching.channels.base import ChannelError, Outcome, provider_timeout
from dispatching.channels.http.ssrf_guard import Address, Destination, follow, literal, may_connect, parse

MAX_REDIRECTS = 3
MAX_REPLY = 64 * 1024
IDLE = 30  # seconds; shorter than what servers usually allow
REDIRECTS = {301, 302, 307, 308}  # 303 asks for a GET, which would deliver nothing
SEE_OTHER = 303


Reader = Callable[[httpcore.Response], bytes]


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer of `host`, after any redirects. `body` is its first 64 KiB (for a GET, all of it), as sent."""

    host: str
    status: int
    headers: dict[str, str]
    body: bytes


def allow_private() -> bool:
    return settings.WEBHOOK_ALLOW_PRIVATE


def clean_url(url: str, *, private: bool | None = None) -> str:
    """The URL in its normal form; raises ValueError with a sentence if we do not connect to such a URL.

    It is called within transactions and asks no resolver: where a name leads is checked whenever we connect, as it must be.
    `private` as for `Client`.
    """
    return parse(url, allow_private=allow_private() if private is None else private).url


def resolve(host: str, port: int, *, timeout: float) -> list[Address]:
    """Every address of the host, in the resolver's order; raises OSError if there is none in time."""
    if address := literal(host):
        return [address]
    entries: list[Any] = []

    def look_up() -> None:
        try:
            entries.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError):
            return

    # getaddrinfo has no time-out and can take half a minute, but a thread can be abandoned.
    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(timeout)
    addresses = [ip_address(entry[4][0].partition("%")[0]) for entry in list(entries)]
    if not addresses:
        raise OSError("the name does not resolve")
    return list(dict.fromkeys(addresses))


class _Line(httpcore.NetworkStream):
    """A connection whose every read and write ends at the deadline of the call, however slowly the bytes drip."""

    def __init__(self, stream: httpcore.NetworkStream, guard: "_Guard") -> None:
        self._stream, self._guard = stream, guard

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._guard.left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._guard.left(httpcore.WriteTimeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._guard.left(httpcore.ConnectTimeout))
        return _Line(stream, self._guard)

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Guard(httpcore.NetworkBackend):
    """Opens sockets to checked addresses only. Serves one thread."""

    def __init__(self, private: bool | None) -> None:
        self._sockets = httpcore.SyncBackend()
        self._private = private
        self.deadline = 0.0

    def allow_private(self) -> bool:
        return allow_private() if self._private is None else self._private

    def left(self, too_late: type[Exception]) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise too_late("the call took too long")
        return left

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = self._checked(host, port)
        for number, address in enumerate(addresses):
            share = self.left(httpcore.ConnectTimeout) / (len(addresses) - number)
            try:
                stream = self._sockets.connect_tcp(str(address), port, share, local_address, socket_options)
                return _Line(stream, self)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if number == len(addresses) - 1:
                    raise
        raise AssertionError("a host has at least one address")

    def _checked(self, host: str, port: int) -> list[Address]:
        try:
            addresses = resolve(host, port, timeout=self.left(httpcore.ConnectTimeout))
        except OSError:
            raise ChannelError(f"the name {host} does not resolve") from None
        # One bad address is enough to refuse the host: mixing them in is a way to get us connected to the bad one later.
        if not all(may_connect(address, allow_private=self.allow_private()) for address in addresses):
            raise ChannelError(f"{host} leads to an address that is not public", outcome=Outcome.PERMANENT)
        return addresses


@cache
def _trust() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


class Client(threading.local):
    """An HTTP client that keeps connections open; each thread has its own. `trust` replaces the usual certificate authorities.

    `private`: whether URLs may lead into the operator's own network. True if they are settings, False if strangers entered
    them, None if WEBHOOK_ALLOW_PRIVATE decides. Kept connections are not shared between clients.
    """

    def __init__(self, trust: ssl.SSLContext | None = None, *, private: bool | None = None) -> None:
        self._guard = _Guard(private)
        self._pool = httpcore.ConnectionPool(
            ssl_context=trust or _trust(), network_backend=self._guard, max_connections=20, keepalive_expiry=IDLE
        )

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, redirects: Collection[int] = REDIRECTS
    ) -> Reply:
        """The answer, whatever its status, after at most 3 redirects and PROVIDER_TIMEOUT; raises ChannelError if there is none.

        Errors name no part of the URL but its host.
        """
        return self._follow("POST", url, body, headers, redirects, _beginning)

    def get(self, url: str, headers: Mapping[str, str], *, limit: int) -> Reply:
        """Like `post`, but with the whole body; raises ChannelError if it breaks off or is longer than `limit` bytes."""
        return self._follow("GET", url, None, headers, REDIRECTS | {SEE_OTHER}, partial(_whole, limit=limit))

    def _follow(
        self,
        method: str,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
        redirects: Collection[int],
        read: Reader,
    ) -> Reply:
        self._guard.deadline = time.monotonic() + provider_timeout()
        with _said_as_channel_error():
            there = parse(url, allow_private=self._guard.allow_private())
        for _ in range(MAX_REDIRECTS + 1):
            reply = self._call_once(method, there, body, headers, read)
            location = reply.headers.get("location")
            if reply.status not in redirects or not location:
                return reply
            with _said_as_channel_error():
                there = follow(there, location, allow_private=self._guard.allow_private())
        raise ChannelError(f"{there.host} redirects more than {MAX_REDIRECTS} times", outcome=Outcome.PERMANENT)

    def _call_once(
        self, method: str, there: Destination, body: bytes | None, headers: Mapping[str, str], read: Reader
    ) -> Reply:
        url = httpcore.URL(scheme=there.scheme, host=there.host, port=there.port, target=there.target)
        ours = {"Accept-Encoding": "identity", "User-Agent": f"Tocsin (+{settings.PUBLIC_URL})"}
        sent = {**ours, **headers, **_authorization(there)}
        try:
            with self._pool.stream(method, url, headers=list(sent.items()), content=body) as response:
                received = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
                return Reply(there.host, response.status, received, read(response))
        except httpcore.LocalProtocolError:
            raise ChannelError("the request is not valid HTTP", outcome=Outcome.PERMANENT) from None
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            raise _not_connected(there.host, error) from None
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            raise ChannelError(f"{there.host} did not answer: {_name(error)}", outcome=Outcome.UNKNOWN) from None


def _beginning(response: httpcore.Response) -> bytes:
    body = b""
    try:
        for chunk in response.iter_stream():
            body += chunk
            if len(body) >= MAX_REPLY:
                break
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError):
        pass  # the status has been received, and that is the answer
    return body[:MAX_REPLY]


def _whole(response: httpcore.Response, *, limit: int) -> bytes:
    body = bytearray()
    for chunk in response.iter_stream():
        body += chunk
        if len(body) > limit:
            raise ChannelError(f"the answer is longer than {limit // 1024} KiB", outcome=Outcome.PERMANENT)
    return bytes(body)


@contextmanager
def _said_as_channel_error() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise ChannelError(str(error), outcome=Outcome.PERMANENT) from None


def _authorization(there: Destination) -> dict[str, str]:
    if not there.userinfo:
        return {}
    return {"Authorization": "Basic " + base64.b64encode(there.credentials.encode()).decode()}


def _not_connected(host: str, error: Exception) -> ChannelError:
    cause = _cause(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return ChannelError(
            f"the certificate of {host} is not valid: {cause.verify_message}", outcome=Outcome.PERMANENT
        )
    return ChannelError(f"could not connect to {host}: {_name(error)}")


def _name(error: Exception) -> str:
    if isinstance(error, httpcore.TimeoutException):
        return "it took too long"
    return getattr(_cause(error), "strerror", None) or str(error) or type(error).__name__


def _cause(error: Exception) -> object:
    # The pool cuts the chain of causes, but the error still has the original error as its first argument.
    return error.args[0] if error.args else None
