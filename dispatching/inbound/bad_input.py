"""Exceptions for a refused body, with errors that its sender can act on."""

MOST_ERRORS = 20


class BadInput(Exception):
    """The sender made a mistake. `status` is the HTTP status of the answer (4xx); each of `errors` begins with the field's path."""

    status = 400

    def __init__(self, errors: list[str] | str):
        sentences = [errors] if isinstance(errors, str) else errors
        more = len(sentences) - MOST_ERRORS
        self.errors = [*sentences[:MOST_ERRORS], *([f"body: and {more} more errors"] if more > 0 else [])]
        super().__init__("; ".join(self.errors))


class LengthRequired(BadInput):
    status = 411


class TooLarge(BadInput):
    status = 413


class UnsupportedBody(BadInput):
    """The body has an encoding or a character set that we do not read."""

    status = 415


def shown(path: tuple[str | int, ...]) -> str:
    """A path as text: ("alerts", 3, "labels") becomes `alerts[3].labels`, and () `body`. Safe to print, whatever the keys are."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if part.isprintable() else ascii(part))[:60]
    return text or "body"
