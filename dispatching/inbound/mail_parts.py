"""Takes a mail apart into its parts and header fields, decoded: transfer encodings, charsets, encoded words, HTML.

Strangers write these mails, so the work is bounded: a mail is read up to a size, with so many parts, and each part and
field up to a length. The header fields are read as they were written, because the library's parser of their grammar fails on many.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import HeaderParser
from html import unescape
from itertools import count

READ, LINES = 512 * 1024, 10_000  # bytes and lines of a mail; what a report says comes before the mail that it returns
PARTS = 40  # of a mail, in any depth; a report has three, and the mail that it returns a few
LONG, FIELD, FIELDS = (
    50_000,
    2_000,
    10,
)  # characters of a part and of a field; fields of one name, and blocks of a report
REPORTS = {
    "message/delivery-status": "delivery",
    "message/global-delivery-status": "delivery",  # RFC 6533
    "message/feedback-report": "feedback",
}
HEADERS = "text/rfc822-headers"
_empty_line = re.compile(r"\n[ \t]*\n")
_tag = re.compile(r"<[^<>]*>")
_hidden = {"script", "style", "title"}
_lines = {"br", "div", "h1", "h2", "h3", "hr", "li", "p", "pre", "table", "td", "tr"}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a mail; `enclosed` if it belongs to a mail, or to headers of a mail, that came inside of this one."""

    message: Message
    kind: str
    enclosed: bool

    def text(self) -> str:
        """The content in words; of HTML what a reader sees."""
        raw = self.message.get_payload(decode=True)
        text = _decoded(raw[:LONG] if isinstance(raw, bytes) else b"", self.message.get_content_charset(""))
        return _seen(text) if self.kind == "text/html" else text

    def blocks(self) -> list[Message]:
        """The groups of header fields of which a report consists."""
        texts = _empty_line.split(self.text().replace("\r\n", "\n").strip(), maxsplit=FIELDS)[:FIELDS]
        return [HeaderParser().parsestr(text) for text in texts]


def parts(raw: bytes) -> list[Part]:
    """The mail and its parts, in order. Raises MessageError if there are too many, and whatever else the library raises."""
    made = count()

    def new(**more: object) -> "_Kept":
        if next(made) > PARTS:
            raise MessageError("too many parts")
        return _Kept(**more)  # type: ignore[arg-type]

    return list(_within(_parsed(raw, new), new, enclosed=False))


def fields(message: Message, name: str) -> list[str]:
    """All fields of this name, each on one line."""
    found = [str(value) for key, value in message.raw_items() if key.lower() == name.lower()]
    return [_field(value) for value in found[:FIELDS]]


def field(message: Message, name: str) -> str:
    """The first field of this name; empty if there is none."""
    return next(iter(fields(message, name)), "")


class _Kept(Message):
    """A part that keeps reports and encoded mails in one piece: the library would cut them up before it decodes them."""

    def get_content_type(self) -> str:
        kind = super().get_content_type()
        encoded = str(self.get("Content-Transfer-Encoding", "")).strip().lower() in ("base64", "quoted-printable")
        return kind.replace("message/", "text/", 1) if kind in REPORTS or encoded else kind


def _within(part: Message, new: Callable[..., Message], *, enclosed: bool) -> Iterator[Part]:
    kind = Message.get_content_type(part)
    yield Part(part, kind, enclosed)
    is_mail = kind == HEADERS or kind.startswith("message/") and kind not in REPORTS
    inside = part.get_payload()
    if is_mail and not isinstance(inside, list):
        raw = part.get_payload(decode=True)
        inside = [_parsed(raw if isinstance(raw, bytes) else b"", new)]
    for inner in inside if isinstance(inside, list) else []:
        if isinstance(inner, Message):
            yield from _within(inner, new, enclosed=enclosed or is_mail)


def _parsed(raw: bytes, new: Callable[..., Message]) -> Message:
    return message_from_bytes(b"".join(raw[:READ].splitlines(keepends=True)[:LINES]), new)


def _field(value: str) -> str:
    text = _decoded(value[:FIELD].encode("utf-8", "surrogateescape"), "")
    with suppress(MessageError, LookupError, ValueError):  # then it stays as it was written
        text = str(make_header(decode_header(text)))
    return " ".join(text.split())


def _decoded(raw: bytes, charset: str) -> str:
    try:
        return raw.decode(charset or "utf-8", "replace")
    except (LookupError, ValueError):  # there is no such charset, or it is none for mails
        return raw.decode("utf-8", "replace")


def _seen(page: str) -> str:
    """The words of an HTML page. By patterns that are linear, because the library's parser takes minutes for some pages."""
    words, hidden = [], ""
    for text, tag in zip(_tag.split(page), ["", *_tag.findall(page)], strict=True):
        name = next(iter(tag.strip("</> ").split()), "").lower()
        if hidden:
            hidden = "" if name == hidden and tag.startswith("</") else hidden
        elif name in _hidden and not tag.startswith("</"):
            hidden = name
        words.append("" if hidden else ("\n" if name in _lines else "") + text)
    return unescape("".join(words))
