"""Threads that answer requests, in lanes: what fills one lane takes no thread of another (faults S1, S7, O4)."""

import io
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

log = structlog.get_logger(__name__)
Headers = list[tuple[str, str]]
Environ = dict[str, Any]
WSGI = Callable[[Environ, Callable[..., Any]], Any]


class Answer:
    """An answer that is given once, by the thread that makes it or by whoever no longer waits for it."""

    __slots__ = ("_first", "_protocol")

    def __init__(self, protocol: Any):
        self._protocol = protocol
        self._first = [True]

    @property
    def given(self) -> bool:
        return not self._first

    def give(self, status: int, headers: Headers, body: bytes) -> bool:
        """Sends it unless somebody else has; returns whether this was the first."""
        try:
            self._first.pop()  # of two threads, one gets it
        except IndexError:
            return False
        self._protocol.response_bytes(status, headers, body)
        return True


@dataclass(slots=True)
class Job:
    """One request for the application; `then` is called when it is over."""

    application: WSGI
    environ: Environ
    body: bytes
    answer: Answer
    then: Callable[[], None]

    def __call__(self) -> None:
        try:
            if not self.answer.given:  # nobody waits any more
                self._run()
        except Exception:
            log.exception("request_failed")
            self.answer.give(500, [("content-type", "application/json")], b'{"status": "failed"}')
        finally:
            self.then()

    def _run(self) -> None:
        self.environ["wsgi.input"] = io.BytesIO(self.body)
        begun: list[tuple[str, Headers]] = []
        response = self.application(self.environ, lambda status, headers, error=None: begun.append((status, headers)))
        try:
            body = b"".join(response)
            [(status, headers)] = begun
            self.answer.give(int(status[:3]), headers, body)
        finally:
            if hasattr(response, "close"):
                response.close()


class Lane:
    """`threads` threads that run jobs in order. `seconds`: how long a client waits for its answer."""

    def __init__(self, name: str, *, threads: int, seconds: float, most: int = 1000):
        self.name, self.seconds, self.most = name, seconds, most
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        for number in range(threads):
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True).start()

    def put(self, job: Callable[[], None]) -> bool:
        """Queues a job; False if too many wait already."""
        if self._jobs.qsize() >= self.most:
            return False
        self._jobs.put(job)
        return True

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            try:
                job()
            except Exception:
                log.exception("job_failed", lane=self.name)
