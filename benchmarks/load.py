"""A sender that costs little: HTTP/1.1 over kept connections, one process, the standard library only. Run as a file.

Reads what to send as JSON from standard input, prints what came of it as JSON. Some 75 µs of CPU a post, so that on two
cores it is the server that is measured. Without a rate each connection sends as soon as it has its answer; with one,
posts leave at their time, or as soon as a connection is free.
"""

import json
import select
import socket
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

DETAILS = (
    b'"severity":"critical","source":"prometheus-eu-1","component":"checkout","slo":"availability 99.9 %%",'
    b'"deployment":"Production EU","runbook_url":"https://wiki.example.org/runbooks/checkout",'
    b'"details":{"burn_rate":"14.4","window":"1h","pod":"checkout-7d9f8b6c5-x2x4z","value":"0.0312"}'
)
# One event in each format, with its key twice: what people read, and what decides whether it is a repeat.
OWN = b'{"summary":"%(key)b is down","dedup_key":"%(key)b","action":"trigger",' + DETAILS + b"}"
ALERTMANAGER = (
    b'{"status":"firing","fingerprint":"%(key)b","startsAt":"%(now)b","endsAt":"0001-01-01T00:00:00Z",'
    b'"generatorURL":"http://prometheus.example.org/graph?g0.expr=up","labels":{"alertname":"Down","severity":"critical",'
    b'"instance":"eu-1:9100","job":"checkout"},"annotations":{"summary":"%(key)b is down","description":"No answer"}}'
)
# format: one event, what surrounds several
FORMATS = {
    "own": (OWN, b'{"events":[%b]}'),
    "alertmanager": (
        ALERTMANAGER,
        b'{"version":"4","groupKey":"{}:{}","status":"firing","receiver":"tocsin","groupLabels":{},"commonLabels":{},'
        b'"commonAnnotations":{},"externalURL":"http://alertmanager.example.org","truncatedAlerts":0,"alerts":[%b]}',
    ),
}


@dataclass
class Job:
    """What to send: `count` posts or for `seconds`, each of `batch` events, to the paths in turn.

    `keys`: how many different ones there are; 0: each event has a new one. `record`: keep the times of each post.
    """

    port: int
    paths: list[str]
    connections: int
    prefix: str
    count: int = 0
    seconds: float = 0
    rate: float = 0
    batch: int = 1
    keys: int = 0
    format: str = "own"
    record: bool = False
    sent: int = 0

    def __post_init__(self) -> None:
        self.now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()).encode()
        self.heads = [
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ".encode()
            for path in self.paths
        ]

    def next(self) -> tuple[list[str], bytes]:
        """The keys and the bytes of the next post."""
        first, self.sent = self.sent * self.batch, self.sent + 1
        numbers = range(first, first + self.batch)
        keys = [f"{self.prefix}-{(n % self.keys if self.keys else n):06}" for n in numbers]
        event, around = FORMATS[self.format]
        events = [event % {b"key": key.encode(), b"now": self.now} for key in keys]
        body = events[0] if self.batch == 1 and self.format == "own" else around % b",".join(events)
        return keys, b"%b%d\r\n\r\n%b" % (self.heads[(self.sent - 1) % len(self.heads)], len(body), body)

    def over(self, elapsed: float) -> bool:
        return self.sent >= self.count if self.count else elapsed >= self.seconds


class Line:
    """One kept connection with at most one post under way."""

    def __init__(self, port: int):
        self.port = port
        self.open()

    def open(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.keys: list[str] = []
        self.buffer = b""
        self.began = 0.0

    def send(self, keys: list[str], post: bytes) -> None:
        self.keys, self.began, self.buffer = keys, time.time(), b""
        self.socket.sendall(post)

    def receive(self) -> int | None:
        """The status, once the whole answer is here; 0 when the server hung up."""
        try:
            data = self.socket.recv(262144)
        except OSError:
            data = b""
        if not data:
            return 0
        self.buffer += data
        head, separator, body = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return None
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if not length:
            raise SystemExit("the server names no Content-Length: " + head.decode())
        return int(head[9:12]) if len(body) >= int(length) else None


@dataclass
class Outcome:
    statuses: dict[int, int] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)
    posts: list[tuple[list[str], float, float, int]] = field(default_factory=list)


class Sender:
    def __init__(self, job: Job):
        self.job = job
        self.outcome = Outcome()
        self.poll = select.epoll()
        self.lines: dict[int, Line] = {}
        self.idle: deque[Line] = deque()
        for _ in range(job.connections):
            self._add(Line(job.port))

    def _add(self, line: Line) -> None:
        self.lines[line.socket.fileno()] = line
        self.poll.register(line.socket, select.EPOLLIN)
        self.idle.append(line)

    def run(self) -> dict[str, Any]:
        began, cpu = time.time(), time.process_time()
        while True:
            elapsed = time.time() - began
            self._send_what_is_due(elapsed)
            if self.job.over(elapsed) and len(self.idle) == len(self.lines):
                break
            for number, _ in self.poll.poll(self._until_next(began)):
                self._take(self.lines[number])
        return self._told(time.time() - began, time.process_time() - cpu)

    def _send_what_is_due(self, elapsed: float) -> None:
        job = self.job
        while self.idle and not job.over(elapsed) and not (job.rate and job.sent / job.rate > elapsed):
            self.idle.popleft().send(*job.next())

    def _until_next(self, began: float) -> float:
        job = self.job
        if not self.idle or not job.rate or job.over(time.time() - began):
            return 30
        return max(0, began + job.sent / job.rate - time.time())

    def _take(self, line: Line) -> None:
        status = line.receive()
        if status is None:
            return
        answered = time.time()
        out = self.outcome
        out.statuses[status] = out.statuses.get(status, 0) + 1
        out.waits.append(answered - line.began)
        if self.job.record:
            out.posts.append((line.keys, line.began, answered, status))
        if status:
            self.idle.append(line)
        else:
            self.poll.unregister(line.socket)
            del self.lines[line.socket.fileno()]
            line.open()
            self._add(line)

    def _told(self, seconds: float, cpu: float) -> dict[str, Any]:
        waits = sorted(self.outcome.waits)
        accepted = self.outcome.statuses.get(202, 0)
        return {
            "seconds": seconds,
            "accepted": accepted * self.job.batch,
            "posts": accepted,
            "per_second": accepted * self.job.batch / seconds,
            "not_accepted": {str(k): v for k, v in self.outcome.statuses.items() if k != 202},
            "p50": waits[len(waits) // 2],
            "p99": waits[int(len(waits) * 0.99)],
            "cpu": cpu,
            "record": self.outcome.posts,
        }


if __name__ == "__main__":
    print(json.dumps(Sender(Job(**json.load(sys.stdin))).run()))
