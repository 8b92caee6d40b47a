"""E-mail through Django's mail settings: plain text, one recipient, marked as automatic so that nothing answers it."""

from email.header import Header
from email.utils import formataddr, parseaddr
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.smtp import EmailBackend as SmtpBackend
from django.core.validators import validate_email
from django.utils.encoding import punycode
from django.utils.module_loading import import_string

from dispatching.channels.base import Channel, ChannelError, Envelope
from dispatching.channels.smtp import Line
from dispatching.channels.text import one_line, printable, shorten

SUBJECT, NAME, BODY = 250, 100, 100_000  # characters


class EmailChannel(Channel):
    kind = "email"
    label = "E-mail"

    def __init__(self) -> None:
        self._line = Line()

    def clean_address(self, address: str) -> str:
        local, _, domain = address.strip().rpartition("@")
        try:
            # Letter case counts in the part before the @ in principle (RFC 5321 2.4), never in the domain.
            address = f"{local}@{punycode(domain.lower())}"
            validate_email(address)
        except (ValidationError, UnicodeError):
            raise ValidationError("Please enter one e-mail address, such as ana@example.org.") from None
        return address

    def send(self, envelope: Envelope) -> str:
        """The Message-ID with the server's answer, if it gave one."""
        try:
            address = self.clean_address(envelope.address)
        except ValidationError:
            raise ChannelError("this is not one e-mail address", permanent=True) from None
        mail = message(envelope, address)
        if not issubclass(import_string(settings.EMAIL_BACKEND), SmtpBackend):
            return _through_django(mail)
        sender = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
        content = mail.message().as_bytes(linesep="\r\n")  # type: ignore[call-arg]  # Django's, not the library's
        answer = self._line.send(sender, address, content)
        return f"{mail.extra_headers['Message-ID']} {answer}"


def message(envelope: Envelope, address: str) -> EmailMessage:
    """The mail; its Message-ID is the same for every attempt, by which a receiver can tell that it has it already."""
    body, url = printable(envelope.body), printable(str(envelope.data.get("url", "")))
    tail = f"\n… shortened; the whole is at {url}\n" if url else "\n… shortened\n"
    headers = {
        "Message-ID": f"<{envelope.key}@{_domain()}>",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
    }
    if leave := envelope.data.get("unsubscribe_url"):
        headers["List-Unsubscribe"] = f"<{one_line(leave, 900)}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058
    return EmailMessage(
        subject=_subject(one_line(envelope.subject, SUBJECT)),
        body=shorten(body, BODY, tail),
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[formataddr((one_line(envelope.recipient, NAME), address))],
        headers=headers,
    )


def _subject(text: str) -> str:
    """The subject as it goes over the line: Django leaves too little room on its first line, and so an empty one."""
    if text.isascii() and len(text) <= 60:
        return text
    return Header(text, "utf-8", header_name="Subject").encode(linesep="")


def _domain() -> str:
    """The part of our Message-IDs after the @: the sender's domain, else our own host."""
    sender = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    return sender.rpartition("@")[2] or urlsplit(settings.PUBLIC_URL).hostname or "localhost"


def _through_django(mail: EmailMessage) -> str:
    """A new connection each time: to the backend for files that means a file each."""
    try:
        get_connection().send_messages([mail])
    except (OSError, ImproperlyConfigured) as error:
        raise ChannelError(f"the mail could not be written: {getattr(error, 'strerror', None) or error}") from None
    return mail.extra_headers["Message-ID"]
