"""E-mail through Django's mail settings: one recipient for each mail, marked as automatic so that no program answers it.

No "Precedence: bulk": it was never standardised (RFC 2076 discourages it), Auto-Submitted and the List- headers tell
responders the same (RFC 3834 2, RFC 5230 4.6), and some servers deliver "bulk" later than the rest.
"""

from email import message_from_bytes
from email.header import Header
from email.message import Message
from email.utils import formataddr, formatdate, parseaddr
from functools import lru_cache
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.smtp import EmailBackend as SmtpBackend
from django.core.validators import validate_email
from django.utils.encoding import punycode
from django.utils.module_loading import import_string

from dispatching.channels.base import Channel, ChannelError, Envelope, Outcome
from dispatching.channels.email import mime, tagged_addresses
from dispatching.channels.email.smtp import SmtpLine
from dispatching.channels.text import one_line, printable, shorten

SUBJECT, NAME, BODY = 250, 100, 100_000  # characters
LOCAL, WHOLE = 64, 254  # octets before the @, and of an address (RFC 5321 4.5.3.1)


class EmailChannel(Channel):
    kind = "email"
    label = "E-mail"
    spoken = "e-mail"
    for_strangers = True

    def __init__(self) -> None:
        self._line = SmtpLine()

    def clean_address(self, address: str) -> str:
        local, _, domain = address.strip().rpartition("@")
        if local and not local.isascii():
            raise ValidationError("We cannot write to an address with letters such as ü before the @.")
        try:
            # The part before the @ is case-sensitive in principle (RFC 5321 2.4), the domain never is.
            address = f"{local}@{punycode(domain.lower())}"
            validate_email(address)
        except (ValidationError, UnicodeError):
            raise ValidationError("Please enter one e-mail address, such as ana@example.org.") from None
        if len(local) > LOCAL or len(address) > WHOLE:
            raise ValidationError(
                f"No such address can exist: at most {LOCAL} characters before the @, {WHOLE} in all."
            )
        return address

    def clean_outside_address(self, address: str) -> str:
        cleaned = self.clean_address(address)
        if cleaned.endswith("]"):  # a@[10.0.0.1] would lead our mail server to a machine inside
            raise ValidationError("Please enter an address with the name of a domain, such as ana@example.org.")
        return cleaned

    def send(self, envelope: Envelope) -> str:
        """Sends the mail. Returns its Message-ID with the server's answer, if it gave one."""
        try:
            address = self.clean_address(envelope.address)
        except ValidationError:
            raise ChannelError("this is not a single e-mail address", outcome=Outcome.PERMANENT) from None
        if not _over_smtp(settings.EMAIL_BACKEND):
            return _through_django(_Written(envelope, address) if envelope.letter else message(envelope, address))
        content = written(envelope, address) if envelope.letter else _serialised(message(envelope, address))
        answer = self._line.send(sender(envelope), address, content)
        return f"{message_id(envelope.key)} {answer}"


def readable(address: str) -> str:
    """The address as its owner writes it: a domain such as exämple.de, not the xn--… that mail servers use."""
    local, at, domain = address.rpartition("@")
    try:
        return f"{local}{at}{domain.encode('ascii').decode('idna')}"
    except UnicodeError:
        return address


def message(envelope: Envelope, address: str) -> EmailMessage:
    """The mail for an envelope that has words of its own."""
    body, url = printable(envelope.body), printable(str(envelope.data.get("url", "")))
    tail = f"\n… shortened; the full text is at {url}\n" if url else "\n… shortened\n"
    return EmailMessage(
        subject=_subject(one_line(envelope.subject, SUBJECT)),
        body=shorten(body, BODY, tail),
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[formataddr((one_line(_name(envelope), NAME), address))],
        headers=headers(envelope),
    )


def _name(envelope: Envelope) -> str:
    """The recipient's name; empty for somebody outside, who has told us only an address."""
    return "" if envelope.outside else envelope.recipient


def written(envelope: Envelope, address: str) -> bytes:
    """The mail for an envelope with shared words, as the bytes to send."""
    assert envelope.letter
    own = {"From": _from(settings.DEFAULT_FROM_EMAIL), "To": mime.address(_name(envelope), address)}
    if settings.REPLY_TO:
        own["Reply-To"] = settings.REPLY_TO
    if envelope.letter.after:
        own["In-Reply-To"] = own["References"] = message_id(envelope.letter.after)
    return mime.write(envelope.letter, own | headers(envelope))


def headers(envelope: Envelope) -> dict[str, str]:
    """The headers of every mail. The Message-ID is the same for every attempt, so that a receiver can recognise a duplicate."""
    fields = {
        "Message-ID": message_id(envelope.key),
        "Date": formatdate(envelope.at.timestamp()),
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
    }
    if leave := envelope.data.get("unsubscribe_url"):
        fields["List-Unsubscribe"] = f"<{one_line(leave, 800)}>"
        if envelope.leave and settings.UNSUBSCRIBE_ADDRESS:
            mailbox = tagged_addresses.address(settings.UNSUBSCRIBE_ADDRESS, tagged_addresses.LEAVE, envelope.leave)
            fields["List-Unsubscribe"] += f", <mailto:{mailbox}?subject=unsubscribe>"
        if leave.startswith("https:"):  # RFC 8058 allows only https
            fields["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return fields


def message_id(key: str) -> str:
    return f"<{key}@{_domain(settings.DEFAULT_FROM_EMAIL, settings.PUBLIC_URL)}>"


def sender(envelope: Envelope) -> str:
    """The envelope sender. With BOUNCE_ADDRESS each delivery has its own, so that a bounce says which delivery bounced."""
    if settings.BOUNCE_ADDRESS:
        return tagged_addresses.address(settings.BOUNCE_ADDRESS, tagged_addresses.BOUNCE, envelope.key)
    return _address(settings.DEFAULT_FROM_EMAIL)


class _Written(EmailMessage):
    """A mail that is encoded already, for Django's mail backends other than SMTP."""

    def __init__(self, envelope: Envelope, address: str) -> None:
        super().__init__(to=[address], headers=headers(envelope))
        self._content = written(envelope, address)

    def message(self) -> Message:  # type: ignore[override]
        return message_from_bytes(self._content)


@lru_cache
def _over_smtp(backend: str) -> bool:
    return issubclass(import_string(backend), SmtpBackend)


@lru_cache
def _address(given: str) -> str:
    return parseaddr(given)[1]


@lru_cache
def _from(given: str) -> str:
    return mime.address(*parseaddr(given))


def _serialised(mail: EmailMessage) -> bytes:
    return mail.message().as_bytes(linesep="\r\n")  # type: ignore[call-arg]  # Django's, not the library's


def _subject(text: str) -> str:
    """The encoded subject. Django would leave too little room on its first line, and so produce an empty one."""
    if text.isascii() and len(text) <= 60:
        return text
    return Header(text, "utf-8", header_name="Subject").encode(linesep="")


@lru_cache
def _domain(sent_from: str, public_url: str) -> str:
    """The part of our Message-IDs after the @: the sender's domain, or else our own host."""
    return parseaddr(sent_from)[1].rpartition("@")[2] or urlsplit(public_url).hostname or "localhost"


def _through_django(mail: EmailMessage) -> str:
    """Sends over a new connection each time, so that the backend for files writes one file for each mail."""
    try:
        get_connection().send_messages([mail])
    except (OSError, ImproperlyConfigured) as error:
        words = getattr(error, "strerror", None) or error
        raise ChannelError(f"the mail could not be written: {words}", outcome=Outcome.AWAY) from None
    return mail.extra_headers["Message-ID"]
