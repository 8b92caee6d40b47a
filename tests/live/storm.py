"""A monitoring system with a lot to say: sends events at their time, and again until each is answered with a 2xx."""

import http.client
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

PAUSE = 0.5  # seconds before an event is sent again


@dataclass(frozen=True)
class Sending:
    """One event to send, `at` seconds after the start."""

    at: float
    key: str
    dedup_key: str


@dataclass(frozen=True)
class Answer:
    """The last word on one event: status (0: none), seconds that the last try took, how many tries."""

    dedup_key: str
    status: int
    seconds: float
    tries: int

    @property
    def accepted(self) -> bool:
        return 200 <= self.status < 300


def sendings(keys: Sequence[str], count: int, *, over: float, name: str = "event") -> list[Sending]:
    """So many events, spread evenly over the integrations and over so many seconds, each with its own dedup key."""
    return [Sending(over * n / count, keys[n % len(keys)], f"{name}-{n:05}") for n in range(count)]


def fire(url: str, events: Sequence[Sending], *, senders: int = 16, patience: float = 60) -> list[Answer]:
    """Sends them all, each at its time or as soon as a sender is free; gives one up after `patience` seconds."""
    return Storm(url, events, senders=senders, patience=patience).wait()


class Storm:
    """`fire` in the background: starts at once, `wait` has the answers."""

    def __init__(self, url: str, events: Sequence[Sending], *, senders: int = 16, patience: float = 60):
        self.address = urlsplit(url).netloc
        self.patience = patience
        self.began = time.monotonic()
        self.seconds = 0.0
        self.answers: list[Answer] = []
        self._next = iter(events)
        self._taking = threading.Lock()
        self._never = threading.Event()
        self._threads = [threading.Thread(target=self._send_all, daemon=True) for _ in range(senders)]
        for thread in self._threads:
            thread.start()

    def wait(self) -> list[Answer]:
        for thread in self._threads:
            thread.join()
        return self.answers

    def going(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def _take(self) -> Sending | None:
        with self._taking:
            return next(self._next, None)

    def _send_all(self) -> None:
        line = http.client.HTTPConnection(self.address, timeout=15)
        while event := self._take():
            self._pause(self.began + event.at - time.monotonic())
            self.answers.append(self._send(line, event))
            self.seconds = time.monotonic() - self.began
        line.close()

    def _pause(self, seconds: float) -> None:
        if seconds > 0:
            self._never.wait(seconds)

    def _send(self, line: http.client.HTTPConnection, event: Sending) -> Answer:
        """As real senders do: no answer or a 5xx means again, with the same dedup key."""
        tries, end = 0, time.monotonic() + self.patience
        while True:
            tries, began = tries + 1, time.monotonic()
            status = post(line, event)
            answer = Answer(event.dedup_key, status, time.monotonic() - began, tries)
            if 0 < status < 500 or time.monotonic() > end:
                return answer
            self._pause(PAUSE)


def post(line: http.client.HTTPConnection, event: Sending) -> int:
    """The status of the answer; 0 when there was none."""
    body = json.dumps({"summary": f"{event.dedup_key} is down", "dedup_key": event.dedup_key, "action": "trigger"})
    try:
        line.request("POST", f"/integrations/{event.key}/events/", body, {"Content-Type": "application/json"})
        answer = line.getresponse()
        answer.read()
        return answer.status
    except (OSError, http.client.HTTPException):
        line.close()
        return 0
