"""Reads incoming mail: delivery reports (RFC 3464) and reports in plain text, complaints of readers who pressed “spam” (RFC 5965 and
Microsoft's JMRP), unsubscribe requests.

Strangers and mail servers of all ages write it, so reading must return a result whatever the mail is.
"""

import re
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import MessageError
from email.message import Message
from email.utils import getaddresses
from itertools import islice, pairwise

PARTS = 50  # of one mail; a report has three
# The headers in which mail servers record the recipient when they hand a mail over.
TO = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Delivered-To", "To")
REPORTS = {"message/delivery-status", "message/feedback-report"}
FAILED, DELAYED, DELIVERED, COMPLAINT, OPT_OUT = "failed", "delayed", "delivered", "complaint", "opt-out"
FEEDBACK = {"abuse": COMPLAINT, "fraud": COMPLAINT, "virus": COMPLAINT, "opt-out": OPT_OUT, "opt-out-list": OPT_OUT}
JMRP = "X-HmXmrOriginalRecipient"  # only in the mails that Microsoft returns when a reader pressed “junk”
TEXT, WORDS = 10_000, 1000  # bytes that are read of a report in plain text; characters that are kept
_daemon = re.compile(r"mailer-?daemon|postmaster|mail delivery (?:system|subsystem)", re.IGNORECASE)
# Where the copy of our own mail begins.
_copy = re.compile(r"^(?:-{2,}.*\b(?:copy|original message|returned message|message header)|Return-Path:)", re.I | re.M)
_said = re.compile(r"(?<![\d.])(?:[45]\.\d{1,3}\.\d{1,3}|[45]\d\d)(?!\d|\.\d)")
_final = re.compile(r"(?<![\d.])(?:5\.\d{1,3}\.\d{1,3}|5\d\d(?=[ -]))(?!\d|\.\d)")


@dataclass(frozen=True, slots=True)
class Arrived:
    """The useful parts of an incoming mail.

        `to`: the addresses that it was sent to. `kind`: REPORTS = {"message/delivery-status", "message/feedback-report"}
    FAILED, DELAYED, DELIVERED, COMPLAINT, OPT_OUT, or empty for anything else.
        `words`: why the delivery failed. `senders` and `message_ids`: those of the mail that it reports on. `text`: it is a report
        in words only, which anybody could write, so it counts only at an address that nobody else can know.
    """

    to: tuple[str, ...] = ()
    kind: str = ""
    words: str = ""
    senders: tuple[str, ...] = ()
    message_ids: tuple[str, ...] = ()
    text: bool = False


def read(raw: bytes) -> Arrived:
    """Reads a mail. If the bytes cannot be read as a mail, the result is empty."""
    try:
        return _read(message_from_bytes(raw))
    except (MessageError, RecursionError, ValueError, LookupError, AttributeError, TypeError):
        return Arrived()  # a mail server's report does not make the standard library fail


def _read(mail: Message) -> Arrived:
    parts = list(islice(mail.walk(), PARTS))
    kind, words, senders, text = "", "", [], False
    for part in parts:
        if part.get_content_type() == "message/delivery-status":
            kind, words = _status(_blocks(part), otherwise=_words(parts))
        elif part.get_content_type() == "message/feedback-report":
            [fields] = _blocks(part)[:1] or [Message()]
            kind = FEEDBACK.get(_field(fields, "Feedback-Type").lower(), "")
            senders.append(_field(fields, "Original-Mail-From"))
        elif JMRP in part:
            kind = kind or COMPLAINT
    if not any(part.get_content_type() in REPORTS for part in parts) and not kind and _fails(mail, parts):
        kind, words, text = FAILED, _words(parts), True
    # The report includes the mail that it is about, or at least its headers.
    about = [headers for part in parts if part is not mail or JMRP in part if (headers := _headers(part))]
    senders += [_field(original, "Return-Path") for original in about]
    return Arrived(
        to=tuple(address for _, address in getaddresses([_field(mail, name) for name in TO]) if address),
        kind=kind,
        words=words,
        senders=tuple(sender.strip("<> ") for sender in senders if sender),
        message_ids=tuple(filter(None, (_field(original, "Message-ID") for original in about))),
        text=text,
    )


def _status(blocks: list[Message], otherwise: str) -> tuple[str, str]:
    """The (kind, words) of the first recipient, because our mails have only one; `otherwise` if no field says why."""
    for block in blocks:
        if action := _field(block, "Action").lower():
            why = _field(block, "Diagnostic-Code") or _field(block, "X-Supplementary-Info") or otherwise
            return (action if action in (FAILED, DELAYED, DELIVERED) else ""), f"{_field(block, 'Status')} {why}"
    return "", ""


def _fails(mail: Message, parts: list[Message]) -> bool:
    """Whether a mail that is no report (RFC 3464) says in words that a mail could not be delivered."""
    if "X-Failed-Recipients" in mail:
        return True
    return bool(_daemon.search(_field(mail, "From")) and _final.search(_words(parts)))


def _words(parts: list[Message]) -> str:
    """What the first text says of the failure: the lines with a code, each with the line after it, or else all of it."""
    texts = (part.get_payload(decode=True) for part in parts if part.get_content_type() == "text/plain")
    text = next((text for text in texts if isinstance(text, bytes)), b"")[:TEXT].decode("utf-8", "replace")
    lines = _copy.split(text, maxsplit=1)[0].splitlines()
    near = [line for before, line in pairwise(["", *lines]) if _said.search(line) or _said.search(before)]
    return " ".join(" ".join(near or lines).split())[:WORDS]


def _headers(part: Message) -> Message | None:
    if part.get_content_type() == "text/rfc822-headers":
        payload = part.get_payload(decode=True)
        return message_from_bytes(payload) if isinstance(payload, bytes) else None
    return part if "Message-ID" in part else None


def _blocks(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [block for block in payload if isinstance(block, Message)] if isinstance(payload, list) else []


def _field(message: Message, name: str) -> str:
    return " ".join(str(message.get(name, "")).split())
