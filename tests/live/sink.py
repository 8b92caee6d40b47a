"""The mail server at the end of the line, in a process of its own, and the mails it has got."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_string, policy
from email.message import EmailMessage
from functools import cached_property
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class Mail:
    """One mail as it arrived, `at` seconds since the epoch."""

    at: float
    message_id: str
    recipient: str
    content: str

    @cached_property
    def _message(self) -> EmailMessage:
        return message_from_string(self.content.replace("\r\n", "\n"), policy=policy.default)

    @property
    def subject(self) -> str:
        return str(self._message["subject"])

    @property
    def body(self) -> str:
        return self._message.get_content()

    @property
    def link(self) -> str:
        """The address by which this person acknowledges."""
        return self.body.partition("Acknowledge: ")[2].split()[0]


class SmtpSink:
    """A mail server on a free port of this machine that accepts and keeps everything; a context manager.

    `hold`: it takes so many seconds for each mail, and keeps it in the middle of them if the sender is still there.
    """

    def __init__(self, *, hold: float = 0):
        self.hold = hold
        self.port = 0
        self._mails: list[Mail] = []

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="tocsin-sink-")
        record = Path(self._folder.name) / "mails"
        record.touch()
        command = [sys.executable, "-I", str(Path(__file__).with_name("smtpd.py")), str(record), str(self.hold)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout
        self.port = int(self._process.stdout.readline())
        self._record = open(record, encoding="utf-8")  # noqa: SIM115  closed in __exit__
        return self

    def __exit__(self, *_) -> None:
        self._process.communicate(timeout=10)  # the end of its input ends it
        self._record.close()
        self._folder.cleanup()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @contextmanager
    def slow(self, hold: float) -> Iterator[None]:
        """Meanwhile it takes so many seconds for each mail."""
        self._hold(hold)
        yield
        self._hold(self.hold)

    def _hold(self, seconds: float) -> None:
        assert self._process.stdin
        self._process.stdin.write(b"%f\n" % seconds)
        self._process.stdin.flush()

    def mails(self) -> list[Mail]:
        """All mails so far, in the order in which they arrived."""
        while line := self._record.readline():
            if not line.endswith("\n"):
                self._record.seek(self._record.tell() - len(line.encode()))
                break
            self._mails.append(Mail(**json.loads(line)))
        return list(self._mails)

    def count(self) -> int:
        return len(self.mails())
