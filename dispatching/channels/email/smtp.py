"""One open SMTP connection per thread, and a dialogue that repeats only what is safe to repeat.

Until the content has been sent, the server cannot have accepted anything, so a connection that it dropped meanwhile, or on which
it wants no more mails, is replaced at once. After that, the outcome of a broken connection is unknown.
"""

import re
import smtplib
import threading
import time
from functools import partial
from typing import Any

from django.core.mail.backends import smtp

from dispatching.channels.base import ChannelError, Outcome, provider_timeout
from dispatching.channels.text import one_line
from dispatching.rules import smtp_reply

SLOW = "it took too long"
IDLE = 60  # seconds; a firewall or NAT may silently drop a connection that is unused for longer


class _Dialogue(smtplib.SMTP):
    """An SMTP dialogue with one deadline for the whole mail: each command and each reply gets the time that is left."""

    def __init__(self, *args: Any, deadline: float, **options: Any) -> None:
        self.deadline = deadline
        super().__init__(*args, **options)

    def send(self, s: Any) -> None:
        self._limit()
        super().send(s)

    def getreply(self) -> tuple[int, bytes]:
        self._limit()
        return super().getreply()

    def _limit(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the mail server took too long")
        if self.sock:
            self.sock.settimeout(left)


class _DialogueOverTLS(_Dialogue, smtplib.SMTP_SSL):
    pass


class _Backend(smtp.EmailBackend):
    """Django's SMTP backend, used to open a connection from the settings, with TLS and login."""

    deadline = 0.0

    @property
    def connection_class(self) -> Any:
        return partial(_DialogueOverTLS if self.use_ssl else _Dialogue, deadline=self.deadline)


class SmtpLine(threading.local):
    """Sends mail over a connection that stays open; each thread has its own."""

    def __init__(self) -> None:
        self._open: _Dialogue | None = None
        self._used_at = 0.0

    def send(self, sender: str, recipient: str, content: bytes) -> str:
        """Sends one mail. Returns the server's words of acceptance; raises ChannelError in every other case."""
        deadline = time.monotonic() + provider_timeout()
        try:
            answer = self._over_open(sender, recipient, content, deadline)
            if answer is None:
                answer = _say(self._begin(sender, deadline), recipient, content)
        except (smtplib.SMTPException, OSError) as error:
            self.close()
            raise _failure(error, recipient) from None
        except ChannelError:
            self.close()
            raise
        self._used_at = time.monotonic()
        return one_line(answer, 200)

    def close(self) -> None:
        if self._open:
            self._open.close()
        self._open = None

    def _over_open(self, sender: str, recipient: str, content: bytes, deadline: float) -> str | None:
        """`send` over the open connection. None if there is none, or if the server accepts no more mails on it."""
        if not self._open or time.monotonic() - self._used_at >= IDLE:
            return None
        self._open.deadline = deadline
        try:
            _expect(250, answer=_mail(self._open, sender))
        except (smtplib.SMTPException, OSError):
            return None
        try:
            return _say(self._open, recipient, content)
        except (smtplib.SMTPException, OSError) as error:
            if _about_session(error):
                return None
            raise

    def _begin(self, sender: str, deadline: float) -> _Dialogue:
        """A new connection, on which the server has accepted MAIL."""
        self.close()
        self._open = _connect(deadline)
        try:
            _expect(250, answer=_mail(self._open, sender))
        except (smtplib.SMTPException, OSError) as error:
            raise _not_begun(error) from None
        return self._open


def _connect(deadline: float) -> _Dialogue:
    backend = _Backend(timeout=max(0.001, deadline - time.monotonic()))
    backend.deadline = deadline
    try:
        backend.open()
        dialogue = backend.connection
        assert isinstance(dialogue, _Dialogue)
        dialogue.ehlo_or_helo_if_needed()
    except (smtplib.SMTPException, OSError) as error:
        # The server has not been told the recipient yet, so the failure is not about the recipient.
        raise ChannelError(f"no connection to the mail server: {_words(error)}", outcome=Outcome.AWAY) from None
    return dialogue


def _mail(dialogue: _Dialogue, sender: str) -> tuple[int, bytes]:
    # Not dialogue.mail, which would parse the address letter by letter, although it is clean already.
    return dialogue.docmd("mail", f"FROM:<{sender}>" + (" body=8bitmime" if dialogue.has_extn("8bitmime") else ""))


def _expect(*codes: int, answer: tuple[int, bytes]) -> None:
    if answer[0] not in codes:
        raise smtplib.SMTPResponseException(*answer)


def _say(dialogue: _Dialogue, recipient: str, content: bytes) -> str:
    """The rest of the dialogue after MAIL. Returns the server's words of acceptance."""
    _expect(250, 251, answer=dialogue.docmd("rcpt", f"TO:<{recipient}>"))
    _expect(354, answer=dialogue.docmd("data"))
    return _hand_over(dialogue, content)


def _about_session(error: Exception) -> bool:
    """Whether a refusal may be over on a new connection: a limit of mails for each connection, or a connection that was dropped.

    Servers say this with many codes, so it is every refusal for now that is not about the mailbox, and 5.5.3 (too many).
    """
    words = _words(error)
    if not isinstance(error, smtplib.SMTPResponseException):
        return words != SLOW
    return "5.5.3" in words or not _final(error) and smtp_reply.verdict(words) != smtp_reply.MAILBOX


def _hand_over(dialogue: _Dialogue, content: bytes) -> str:
    try:
        dialogue.send(_dotted(content))
        code, words = dialogue.getreply()
    except (smtplib.SMTPServerDisconnected, OSError) as error:
        raise ChannelError(f"the mail server did not confirm: {_words(error)}", outcome=Outcome.UNKNOWN) from None
    _expect(250, answer=(code, words))
    return words.decode("utf-8", "replace")


def _dotted(content: bytes) -> bytes:
    """The content as SMTP transmits it: a leading dot is doubled, and a lone dot ends the content (RFC 5321 4.5.2)."""
    stuffed = content.replace(b"\r\n.", b"\r\n..")
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    return stuffed + (b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n")


def _failure(error: Exception, recipient: str) -> ChannelError:
    reply = _words(error)
    gone = smtp_reply.verdict(reply, recipient) == smtp_reply.GONE
    words = re.sub(re.escape(recipient), "the address", reply, flags=re.IGNORECASE)
    final = Outcome.GONE if gone else Outcome.PERMANENT
    return ChannelError(_said(error, words), outcome=final if _final(error) else Outcome.TEMPORARY)


def _not_begun(error: Exception) -> ChannelError:
    """The error if the server refuses the sender: AWAY, because that is about us and would be the same for the next mail."""
    return ChannelError(_said(error, _words(error)), outcome=Outcome.AWAY, final=_final(error))


def _final(error: Exception) -> bool:
    return isinstance(error, smtplib.SMTPResponseException) and 500 <= error.smtp_code < 600


def _said(error: Exception, words: str) -> str:
    return f"the mail server {'refused' if _final(error) else 'failed'}: {words}"


def _words(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        answer = error.smtp_error
        words = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
        return one_line(f"{error.smtp_code} {words}", 200)
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return SLOW
    return one_line(getattr(error, "strerror", None) or str(error), 200)
