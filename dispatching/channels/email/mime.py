"""Mails with shared words, which are encoded once for all mails, so that each mail only needs bytes to be joined.

Everything is quoted-printable and 7 bits wide, so no server on the way has a reason to change it, whatever it supports.
"""

import binascii
from email.header import Header
from functools import lru_cache
from html import escape

from dispatching.channels.shared_words import Letter, Words, of_moment, on_clock, split
from dispatching.channels.text import one_line, printable

LINE = b"\r\n"
LONGEST = 76  # characters of a line
SOFT = b"=\r\n"  # a soft line break, which is not part of the text
# "=_" cannot occur in quoted-printable text (RFC 2045 6.7), so there is no need to look for the boundary in it.
START, END = b"--=_tocsin\r\n", b"--=_tocsin--\r\n"
ALTERNATIVE = b'Content-Type: multipart/alternative; boundary="=_tocsin"\r\n\r\n'
KIND = 'Content-Type: text/{}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
PLAIN, HTML = KIND.format("plain").encode(), KIND.format("html").encode()
SUBJECT, NAME = 250, 100  # characters


def write(letter: Letter, headers: dict[str, str]) -> bytes:
    """The whole mail. `headers` are the headers of this mail alone, ASCII and folded."""
    words = letter.words
    own = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = own.encode("ascii") + _common(words)
    text = _body(letter, "text")
    if not words.html:
        return head + PLAIN + text
    return b"".join((head, ALTERNATIVE, START, PLAIN, text, LINE, START, HTML, _body(letter, "html"), LINE, END))


def encoded(text: str) -> bytes:
    """The text as quoted-printable (RFC 2045 6.7), with CRLF. Its last line has room for one more character, as SOFT needs."""
    quoted = binascii.b2a_qp(printable(text).encode(), istext=True).replace(b"\n", LINE)
    last = quoted[quoted.rfind(b"\n") + 1 :]
    if len(last) < LONGEST:
        return quoted
    cut = -3 if last[-3:-2] == b"=" else -1
    return quoted[:cut] + SOFT + quoted[cut:]


def header(name: str, text: str) -> str:
    """A header's value in ASCII, folded, without the name."""
    plain = text.isascii() and "=?" not in text
    return Header(text, "us-ascii" if plain else "utf-8", header_name=name).encode(linesep="\r\n")


def address(name: str, where: str) -> str:
    """The value of a To header: the name, encoded if necessary, and the address."""
    name = one_line(name, NAME)
    if not name:
        return where
    if name.isascii() and "=?" not in name:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}" <{where}>'
    return f"{header('Reply-To', name)}\r\n <{where}>"  # folded for the longest header name that this may be used for


@lru_cache(64)
def _common(words: Words) -> bytes:
    """The headers that all mails with these words share."""
    shared = {"Subject": header("Subject", one_line(words.subject, SUBJECT)), "MIME-Version": "1.0"}
    shared |= {name: header(name, one_line(value, 900)) for name, value in words.headers.items()}
    return "".join(f"{name}: {value}\r\n" for name, value in shared.items()).encode("ascii")


@lru_cache(64)
def _pieces(words: Words, form: str) -> tuple[bytes | str, ...]:
    """The words in one form, in pieces: every second piece is the name of a mark, the others are encoded."""
    pieces = split(words.html if form == "html" else words.text)
    return tuple(piece if place % 2 else encoded(piece) for place, piece in enumerate(pieces))


@lru_cache(512)
def _passages(words: Words, form: str, parts: tuple[str, ...]) -> bytes:
    return encoded(Letter(words, parts, {}).passages(form))


@lru_cache(2048)
def _moment(name: str, zone: str) -> bytes:
    return encoded(on_clock(name, zone))  # nothing in it is markup


def _body(letter: Letter, form: str) -> bytes:
    out: list[bytes] = []
    for piece in _pieces(letter.words, form):
        value = piece if isinstance(piece, bytes) else _value(letter, form, piece)
        # No line of the text ends between two pieces unless one of them has a line break there; but a line of the
        # mail must not grow too long, so a soft break goes in.
        if out and not out[-1].endswith(LINE) and not value.startswith(LINE):
            out.append(SOFT)
        out.append(value)
    return b"".join(out)


def _value(letter: Letter, form: str, name: str) -> bytes:
    if name == "parts":
        return _passages(letter.words, form, letter.parts)
    if of_moment(name):
        return _moment(name, letter.zone)
    url = letter.links.get(name, "")
    return encoded(escape(url) if form == "html" else url)
