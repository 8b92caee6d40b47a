"""Makes a text of the bytes of a calendar that was fetched."""

import codecs
from email.message import Message

from schedules.calendars.occurrences import BadCalendar

# How a file begins that is no text.
NO_TEXT = {b"\x1f\x8b": "compressed (gzip)", b"PK\x03\x04": "a zip archive", b"%PDF": "a PDF file"}
# How a text begins that is not in UTF-8: with a mark, or with the B of BEGIN.
BEGINS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    "BE".encode("utf-16-le"): "utf-16-le",
    "BE".encode("utf-16-be"): "utf-16-be",
}


def text_of(body: bytes, *, content_type: str = "", encoding: str = "") -> str:
    """The text of an answer's body, with the values of its headers. Raises BadCalendar if it is none."""
    kind = next((kind for begin, kind in NO_TEXT.items() if body.startswith(begin)), "")
    if not kind and encoding.lower() not in ("", "identity"):
        kind = f"compressed ({encoding[:20]})"
    if kind:
        raise BadCalendar(f"It is {kind}, not a calendar in iCalendar form.")
    # UTF-8 first, because servers call it by other names more often than other text happens to be valid UTF-8.
    wide = next((charset for begin, charset in BEGINS.items() if body.startswith(begin)), "")
    for charset in (wide or "utf-8-sig", _charset(content_type)):
        try:
            return body.decode(charset)
        except (UnicodeError, LookupError):
            pass
    return body.decode(wide or "utf-8-sig", errors="replace")


def _charset(content_type: str) -> str:
    header = Message()
    header["Content-Type"] = content_type
    charset = header.get_content_charset("")
    return "" if charset == "punycode" else charset  # it is none for texts, and takes minutes
