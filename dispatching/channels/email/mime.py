"""Mails with shared words, which are encoded once for all mails, so that each mail only needs bytes to be joined.

Everything is quoted-printable and 7 bits wide, so no server on the way has a reason to change it, whatever it supports.
"""

import binascii
from collections.abc import Iterable
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


def _body(letter: Letter, form: str) -> bytes:
    pieces = _pieces(letter.words, form, letter.parts, letter.zone)
    return _joined(piece if isinstance(piece, bytes) else _link(letter, form, piece) for piece in pieces)


@lru_cache(256)
def _pieces(words: Words, form: str, parts: tuple[str, ...], zone: str) -> tuple[bytes | str, ...]:
    """The words in one form, as far as all readers of these passages on this clock share them: encoded, or the name of a link."""
    pieces: list[bytes | str] = []
    for place, piece in enumerate(split(words.html if form == "html" else words.text)):
        value: bytes | str = encoded(piece)
        if place % 2:
            value = _filled(piece, words, form, parts, zone)
        last = pieces[-1] if pieces else ""
        if isinstance(value, bytes) and isinstance(last, bytes):
            pieces[-1] = _joined([last, value])
        else:
            pieces.append(value)
    return tuple(pieces)


def _filled(name: str, words: Words, form: str, parts: tuple[str, ...], zone: str) -> bytes | str:
    """What stands in the place of a mark, encoded; of a link, the name."""
    if name == "parts":
        return encoded(Letter(words, parts, {}).passages(form))
    return encoded(on_clock(name, zone)) if of_moment(name) else name  # nothing in an instant is markup


def _joined(pieces: Iterable[bytes]) -> bytes:
    out: list[bytes] = []
    for piece in pieces:
        # No line of the text ends between two pieces unless one of them has a line break there; but a line of the
        # mail must not grow too long, so a soft break goes in.
        if out and not out[-1].endswith(LINE) and not piece.startswith(LINE):
            out.append(SOFT)
        out.append(piece)
    return b"".join(out)


def _link(letter: Letter, form: str, name: str) -> bytes:
    url = letter.links.get(name, "")
    return encoded(escape(url) if form == "html" else url)
