"""Reads incoming mail: delivery reports (RFC 3464), complaints of readers who pressed “spam” (RFC 5965), unsubscribe requests.

Strangers and mail servers of all ages write it, so reading must return a result whatever the mail is.
"""

from dataclasses import dataclass
from email import message_from_bytes
from email.errors import MessageError
from email.message import Message
from email.utils import getaddresses
from itertools import islice

PARTS = 50  # of one mail; a report has three
# The headers in which mail servers record the recipient when they hand a mail over.
TO = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Delivered-To", "To")
COMPLAINTS = {"abuse", "fraud", "virus"}
FAILED, DELAYED, DELIVERED, COMPLAINT = "failed", "delayed", "delivered", "complaint"


@dataclass(frozen=True, slots=True)
class Arrived:
    """The useful parts of an incoming mail.

    `to`: the addresses that it was sent to. `kind`: FAILED, DELAYED, DELIVERED, COMPLAINT, or empty for anything else.
    `words`: why the delivery failed. `senders` and `message_ids`: those of the mail that it reports on.
    """

    to: tuple[str, ...] = ()
    kind: str = ""
    words: str = ""
    senders: tuple[str, ...] = ()
    message_ids: tuple[str, ...] = ()


def read(raw: bytes) -> Arrived:
    """Reads a mail. If the bytes cannot be read as a mail, the result is empty."""
    try:
        return _read(message_from_bytes(raw))
    except (MessageError, RecursionError, ValueError, LookupError, AttributeError, TypeError):
        return Arrived()  # a mail server's report does not make the standard library fail


def _read(mail: Message) -> Arrived:
    parts = list(islice(mail.walk(), PARTS))
    kind, words, senders = "", "", []
    for part in parts:
        if part.get_content_type() == "message/delivery-status":
            kind, words = _status(_blocks(part))
        elif part.get_content_type() == "message/feedback-report":
            [fields] = _blocks(part)[:1] or [Message()]
            kind = COMPLAINT if _field(fields, "Feedback-Type").lower() in COMPLAINTS else ""
            senders.append(_field(fields, "Original-Mail-From"))
    # The report includes the mail that it is about, or at least its headers.
    about = [headers for part in parts[1:] if (headers := _headers(part))]
    senders += [_field(original, "Return-Path") for original in about]
    return Arrived(
        to=tuple(address for _, address in getaddresses([_field(mail, name) for name in TO]) if address),
        kind=kind,
        words=words,
        senders=tuple(sender.strip("<> ") for sender in senders if sender),
        message_ids=tuple(filter(None, (_field(original, "Message-ID") for original in about))),
    )


def _status(blocks: list[Message]) -> tuple[str, str]:
    """The (kind, words) of the first recipient; our mails have only one."""
    for block in blocks:
        if action := _field(block, "Action").lower():
            words = f"{_field(block, 'Status')} {_field(block, 'Diagnostic-Code')}"
            return (action if action in (FAILED, DELAYED, DELIVERED) else ""), words
    return "", ""


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
