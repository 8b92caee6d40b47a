"""Writes each mail to a file of its own, for an instance without a mail server."""

import os
import uuid
from typing import Any

from django.core.mail.backends import filebased


class EmailBackend(filebased.EmailBackend):
    """A backend with unique file names. Django's are made of the second and a memory address, so it may append to an older file."""

    _fname: str | None
    stream: Any  # bytes here, and None until it is open

    def _get_filename(self) -> str:
        if self._fname is None:
            name = super()._get_filename()  # type: ignore[misc]
            self._fname = name.replace(".log", f"-{uuid.uuid4().hex[:8]}.log")
        return self._fname

    def open(self) -> bool | None:
        if self.stream is None:
            # The links in a mail are credentials, so only we may read it (S12).
            os.close(os.open(self._get_filename(), os.O_WRONLY | os.O_CREAT, 0o600))
        return super().open()
