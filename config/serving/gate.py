"""Where requests come in. Bodies are read here, without a thread and by a deadline; then a thread of its lane answers.

Slow clients, a database that says nothing and long pages so take no thread from intake, links and health (faults S1, O4).
"""

import asyncio
import json
import resource
import time
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from config.serving.lanes import WSGI, Answer, Environ, Job, Lane
from config.serving.senders import INTAKE, single

LARGEST_FORM = 3 * 1024 * 1024  # more than Django takes without a file; intake has its own limit
LARGEST_FILE = 20 * 1024 * 1024  # in the admin: a hundred thousand subscribers
LARGE = 64 * 1024
# How many larger bodies are read at once, because they lie in memory until their deadline, whoever sends them.
AT_ONCE = {"form": 16, "event": 64, "file": 2}
HANDLES = 8192  # open files of this process, connections among them
TICK = 0.25  # seconds between two looks at what is late
KEY_KNOWN = 60  # seconds; then an integration's key is looked up again before a body is read
HEALTH = ("/healthz", "/readyz")
LINKS = "/a/"
SILENT = {
    "status": "red",
    "problems": ["no answer in time: the database is silent, or the web server has too much to do"],
}
LATE = {"status": "not done: try again", "message": "There was no answer in time.", "errors": ["no answer in time"]}
BUSY = {"status": "not done: try again", "message": "Too much comes at once.", "errors": ["too much at once"]}
TOO_SLOW = {"status": "not read", "message": "The body did not come in time.", "errors": ["body: too slow"]}
TOO_LARGE = {"status": "not read", "message": "The body is too large.", "errors": ["body: too large"]}


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: for a whole body to come, and for an answer to be made; then the client is told that it was not."""

    body: float = 10
    urgent: float = 8  # senders of events give up after 10
    pages: float = 30
    health: float = 1.5


class TooLarge(Exception):
    pass


class Busy(Exception):
    pass


class Gate:
    """The web application of one process (RSGI): reads a request, finds its lane, gives up what is late."""

    def __init__(self, application: WSGI, knows: Callable[[str], bool], patience: Patience = Patience()):  # noqa: B008
        self.application, self.patience = application, patience
        self.knows = knows  # whether an integration has this key; asks the database
        self._late: dict[object, tuple[float, Callable[[], Any]]] = {}
        self._over: deque[asyncio.Future[None]] = deque()
        self._keys: dict[str, float] = {}
        self._large: Counter[str] = Counter()  # large bodies that are being read

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        more_files()
        self.loop = loop
        self.urgent = Lane("urgent", threads=5, seconds=self.patience.urgent)
        self.pages = Lane("pages", threads=4, seconds=self.patience.pages)
        self.health = Lane("health", threads=1, seconds=self.patience.health)
        loop.call_soon(self._look)

    def _look(self) -> None:
        """Gives up what is late, and lets those end whose answer has been given."""
        now = time.monotonic()
        for _late, give_up in [entry for entry in self._late.values() if entry[0] < now]:
            give_up()
        self._settle()
        self.loop.call_later(TICK, self._look)

    def _settle(self) -> None:
        # Threads do not wake this loop for each answer, which would cost more than the rest of it.
        while self._over:
            future = self._over.popleft()
            if not future.done():
                future.set_result(None)

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        self._settle()
        environ, lane = environ_of(scope), self.lane_of(scope.path)
        answer = Answer(protocol)
        try:
            body = await self._body(scope, protocol, environ)
        except TooLarge:
            refuse(answer, 413, TOO_LARGE)
        except Busy:
            refuse(answer, 503, BUSY)
        except asyncio.CancelledError:
            refuse(answer, 408, TOO_SLOW)
        except RuntimeError:  # the client has gone
            return
        else:
            over = self.loop.create_future()
            job = Job(self.application, environ, body, answer, lambda: self._over.append(over))
            await self._answered(lane, job, over)

    def lane_of(self, path: str) -> Lane:
        if path in HEALTH:
            return self.health
        return self.urgent if single(path).startswith((*INTAKE, LINKS)) else self.pages

    async def _answered(self, lane: Lane, job: Job, over: asyncio.Future[None]) -> None:
        def give_up() -> None:
            refuse(job.answer, 503, SILENT if lane is self.health else LATE)
            self._over.append(over)

        if not lane.put(job):
            give_up()
            return
        self._late[job.answer] = time.monotonic() + lane.seconds, give_up
        try:
            await over
        finally:
            del self._late[job.answer]

    # --- bodies -------------------------------------------------------------------------------------------------------

    async def _body(self, scope: Any, protocol: Any, environ: Environ) -> bytes:
        """The whole body; empty if an integration's key in the path is unknown, or if intake refuses it by its length."""
        if "CONTENT_LENGTH" not in environ and "HTTP_TRANSFER_ENCODING" not in environ:
            return b""
        if (path := single(scope.path)).startswith(INTAKE):
            if length_of(environ) > settings.INTAKE_LIMIT:
                return b""  # it answers in words of its own
            return await self._intake_body(path, protocol, environ)
        if length_of(environ) > LARGEST_FORM:
            return await self._file(scope.path, protocol, environ)
        return await self._sized("form", environ, read(protocol, environ, LARGEST_FORM), self.patience.body)

    async def _sized(self, kind: str, environ: Environ, reading: Coroutine[Any, Any, bytes], seconds: float) -> bytes:
        """What `reading` gives by the deadline; Busy if it is large, or of unknown length, and too many such are being read."""
        if "CONTENT_LENGTH" in environ and length_of(environ) <= LARGE:
            return await self._by_deadline(reading, seconds)
        if self._large[kind] >= AT_ONCE[kind]:
            reading.close()
            raise Busy
        self._large[kind] += 1
        try:
            return await self._by_deadline(reading, seconds)
        finally:
            self._large[kind] -= 1

    async def _by_deadline(self, reading: Coroutine[Any, Any, bytes], seconds: float) -> bytes:
        """What `reading` gives; CancelledError if it takes longer."""
        task = asyncio.current_task()
        assert task
        self._late[task] = time.monotonic() + seconds, task.cancel
        try:
            return await reading
        finally:
            del self._late[task]

    async def _intake_body(self, path: str, protocol: Any, environ: Environ) -> bytes:
        if not path.startswith("/integrations/"):  # the key is in the body, so anybody may send one
            reading = read(protocol, environ, settings.INTAKE_LIMIT)
            return await self._sized("event", environ, reading, self.patience.body)

        async def read_if_known() -> bytes:
            return await read(protocol, environ, settings.INTAKE_LIMIT) if await self._known(path) else b""

        return await self._by_deadline(read_if_known(), self.patience.body)

    async def _file(self, path: str, protocol: Any, environ: Environ) -> bytes:
        """A file that somebody sends in the admin: with more patience, and few at a time, because they lie in memory."""
        if length_of(environ) > LARGEST_FILE or not path.startswith("/admin/"):
            raise TooLarge
        return await self._sized("file", environ, read(protocol, environ, LARGEST_FILE), self.patience.body * 6)

    async def _known(self, path: str) -> bool:
        """Whether the key in an intake's path belongs to an integration."""
        key, now = path.split("/")[2], time.monotonic()
        if self._keys.get(key, 0) > now:
            return True
        answer: asyncio.Future[bool] = self.loop.create_future()

        def ask() -> None:
            known = self.knows(key)
            self.loop.call_soon_threadsafe(settle, answer, known)

        if not self.urgent.put(ask):
            raise Busy
        self._late[answer] = now + self.urgent.seconds, lambda: settle(answer, Busy())
        try:
            if not await answer:
                return False
        finally:
            del self._late[answer]
        if len(self._keys) > 10_000:
            self._keys.clear()
        self._keys[key] = now + KEY_KNOWN
        return True


async def read(protocol: Any, environ: Environ, most: int) -> bytes:
    """A whole body, and its length in `environ`. If its length was not announced: at most one byte more than `most`."""
    body = await (protocol() if "CONTENT_LENGTH" in environ else read_chunks(protocol, most + 1))
    environ["CONTENT_LENGTH"] = str(len(body))
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    return body


async def read_chunks(protocol: Any, most: int) -> bytes:
    parts, size = [], 0
    async for part in protocol:
        parts.append(part)
        size += len(part)
        if size >= most:
            break
    return b"".join(parts)[:most]


def length_of(environ: Environ) -> int:
    try:
        return int(environ.get("CONTENT_LENGTH", 0))
    except ValueError:
        return 0


def environ_of(scope: Any) -> Environ:
    """The request as WSGI has it. Names with an underscore are left out, because they could pass for others."""
    name, _, port = scope.server.rpartition(":")
    environ: Environ = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": latin(scope.path),
        "QUERY_STRING": latin(scope.query_string),
        "SERVER_NAME": name,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0],
        "wsgi.url_scheme": scope.scheme,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for header, value in scope.headers.items():
        if "_" in header:
            continue
        key = "HTTP_" + header.upper().replace("-", "_")
        if key in environ:
            value = f"{environ[key]}{'; ' if header == 'cookie' else ','}{value}"
        environ[key] = value
    for key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if "HTTP_" + key in environ:
            environ[key] = environ.pop("HTTP_" + key)
    return environ


def latin(text: str) -> str:
    """Bytes as the characters of the same numbers, as WSGI wants them."""
    return text if text.isascii() else text.encode().decode("latin-1")


def refuse(answer: Answer, status: int, told: dict[str, Any]) -> None:
    headers = [("content-type", "application/json"), ("cache-control", "no-store"), ("connection", "close")]
    answer.give(status, [*headers, *([("retry-after", "5")] if status == 503 else [])], json.dumps(told).encode())


def more_files() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = HANDLES if hard == resource.RLIM_INFINITY else min(HANDLES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def settle(future: asyncio.Future[bool], answer: bool | Exception) -> None:
    """Gives a future its answer, unless it has one already or nobody waits for it any more."""
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
