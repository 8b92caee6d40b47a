"""Mail into files, one each, for an instance without a mail server."""

import uuid

from django.core.mail.backends import filebased


class EmailBackend(filebased.EmailBackend):
    """Django names a file by second and memory address, and so appends a later mail to an earlier one's file."""

    _fname: str | None

    def _get_filename(self) -> str:
        if self._fname is None:
            name = super()._get_filename()  # type: ignore[misc]
            self._fname = name.replace(".log", f"-{uuid.uuid4().hex[:8]}.log")
        return self._fname
