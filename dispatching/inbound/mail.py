"""Reads incoming mail: delivery reports (RFC 3464, RFC 6533) and reports in words, complaints of readers who pressed “spam”
(RFC 5965 and Microsoft's JMRP), unsubscribe requests.

Strangers and mail servers of all ages write it, so reading must return a result whatever the mail is.
"""

import re
from dataclasses import dataclass
from email.errors import MessageError
from email.message import Message
from email.utils import getaddresses
from itertools import pairwise

from dispatching.inbound.mail_parts import REPORTS, Part, field, fields, parts
from dispatching.rules import smtp_reply

# The headers in which mail servers record the recipient when they hand a mail over.
TO = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Delivered-To", "To")
FAILED, DELAYED, DELIVERED, COMPLAINT, OPT_OUT = "failed", "delayed", "delivered", "complaint", "opt-out"
RELAYED = "relayed"  # handed on to a mail server that reports nothing
FEEDBACK = {"abuse": COMPLAINT, "fraud": COMPLAINT, "virus": COMPLAINT, "opt-out": OPT_OUT, "opt-out-list": OPT_OUT}
JMRP = "X-HmXmrOriginalRecipient"  # only in the mails that Microsoft returns when a reader pressed “junk”
TEXT, WORDS = 10_000, 1000  # characters that are read of a report in words; characters that are kept
# Who writes reports: in an address or a name. Exchange adds a number to its name.
_daemon = re.compile(
    r"mail(?:er)?[-_. ]?daemon|post-?master|mail (?:delivery|transport|transfer) (?:sub)?(?:system|service)"
    r"|microsoftexchange[0-9a-f]{32}@",
    re.IGNORECASE,
)
# Where the copy of our own mail begins.
_copy = re.compile(
    r"^(?:-{2,}.*\b(?:copy|original message|returned message|message header)|Return-Path:|\s*Original message headers:)",
    re.IGNORECASE | re.MULTILINE,
)
_said = re.compile(r"(?<![\d.])(?:[45]\.\d{1,3}\.\d{1,3}|[45]\d\d)(?!\d|\.\d)")
_final = re.compile(r"(?<![\d.])(?:5\.\d{1,3}\.\d{1,3}|5\d\d(?=[ -]))(?!\d|\.\d)")
_comment = re.compile(r"\([^()]*\)")


@dataclass(frozen=True, slots=True)
class Arrived:
    """The useful parts of an incoming mail.

    `to`: the addresses that it was sent to. `kind`: FAILED, DELAYED, DELIVERED, COMPLAINT, OPT_OUT, or empty for anything else.
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
        return _read(parts(raw))
    except (MessageError, RecursionError, ValueError, LookupError, AttributeError, TypeError):
        return Arrived()  # a mail server's report does not make the standard library fail


def _read(all_: list[Part]) -> Arrived:
    mail, reports = all_[0].message, [part for part in all_ if part.kind in REPORTS]
    kind, words, senders, text = "", "", list[str](), False
    for part in reports:
        if REPORTS[part.kind] == "delivery":
            kind, words = _status(part.blocks(), otherwise=_words(all_))
        else:
            [about] = part.blocks()[:1] or [Message()]
            kind = FEEDBACK.get(_plain(field(about, "Feedback-Type")), "")
            senders += fields(about, "Original-Mail-From")
    if any(JMRP in part.message for part in all_):
        kind = kind or COMPLAINT
    if not reports and not kind and _fails(mail, all_):
        kind, words, text = FAILED, _words(all_), True
    # The report includes the mail that it is about, or at least its headers.
    about_ = [part.message for part in all_ if part.enclosed or JMRP in part.message]
    senders += [sender for original in about_ for sender in fields(original, "Return-Path")]
    return Arrived(
        to=_addresses([value for name in TO for value in fields(mail, name)]),
        kind=kind,
        words=words[:WORDS],
        senders=_addresses(senders),
        message_ids=tuple(filter(None, (field(original, "Message-ID") for original in about_))),
        text=text,
    )


def _status(blocks: list[Message], otherwise: str) -> tuple[str, str]:
    """The (kind, words) of a report; `otherwise` if no field says why.

    Our mails have one recipient. If a report has several, a mail server sent the mail on to them, and it arrived if one has it.
    """
    became = {kind: block for block in reversed(blocks) if (kind := _plain(field(block, "Action")))}
    kind = next((each for each in (DELIVERED, RELAYED, FAILED, DELAYED) if each in became), "")
    block = became.get(kind, Message())
    why = field(block, "Diagnostic-Code") or field(block, "X-Supplementary-Info") or otherwise
    return ("", "") if kind in ("", RELAYED) else (kind, f"{field(block, 'Status')} {why}")


def _fails(mail: Message, all_: list[Part]) -> bool:
    """Whether a mail that is no report (RFC 3464) says in words that a mail could not be delivered."""
    if "X-Failed-Recipients" in mail:
        return True
    words = _words(all_)
    return _of_a_server(mail) and bool(_final.search(words) or smtp_reply.verdict(words) == smtp_reply.GONE)


def _of_a_server(mail: Message) -> bool:
    """Whether a mail server wrote it, and nobody else: by the sender's name, or by a mark that only reports have."""
    marked = "X-MS-Exchange-Message-Is-Ndr" in mail or "delivery-status" in field(mail, "Content-Type").lower()
    return marked or any(_daemon.search(sender) for sender in fields(mail, "From"))


def _words(all_: list[Part]) -> str:
    """What the first text says of the failure: the lines with a code, each with the line after it, or else all of it.

    A text with a code goes before one without, and plain text before HTML. The mail that comes back is none of them.
    """
    found: dict[str, list[str]] = {"text/plain": [], "text/html": []}
    for part in all_:
        if not part.enclosed and found.get(part.kind) == []:
            found[part.kind] = _copy.split(part.text().strip()[:TEXT], maxsplit=1)[0].splitlines()
    near = [_near(lines) for lines in found.values()]
    words = (" ".join(" ".join(lines).split()) for lines in (*near, *found.values()))
    return next(filter(None, words), "")[:WORDS]


def _near(lines: list[str]) -> list[str]:
    return [line for before, line in pairwise(["", *lines]) if _said.search(line) or _said.search(before)]


def _plain(value: str) -> str:
    """The first word of a field, without comments, in small letters."""
    return next(iter(_comment.sub(" ", value).lower().split()), "").rstrip(";,.")


def _addresses(values: list[str]) -> tuple[str, ...]:
    return tuple(address for _, address in getaddresses(values) if address)
