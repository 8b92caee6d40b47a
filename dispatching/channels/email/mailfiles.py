"""Writes each mail to a file of its own, for an instance without a mail server."""

import uuid

from django.core.mail.backends import filebased


class EmailBackend(filebased.EmailBackend):
    """A backend with unique file names. Django's are made of the second and a memory address, so it may append to an older file."""

    _fname: str | None

    def _get_filename(self) -> str:
        if self._fname is None:
            name = super()._get_filename()  # type: ignore[misc]
            self._fname = name.replace(".log", f"-{uuid.uuid4().hex[:8]}.log")
        return self._fname
