"""What every channel promises, and the registry of those there are."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import TextChoices

from dispatching.channels.shared_words import Letter
from dispatching.channels.text import one_line, printable

HEADLINE = 150  # characters


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message to one address; `key` is the same for every attempt, `data` is JSON-ready content for machines.

    `short` says the same in a few words, for media that count characters. `letter`: the words are shared with others, for
    media that can make use of that; `body` holds them filled in. `leave`: who leaves by a mail to us (`contact_links.mail_token`).
    """

    key: str
    address: str
    recipient: str
    subject: str
    body: str
    # When this attempt is made, for what is dated or signed: the host's own clock may be wrong (faults E1).
    at: datetime = field(kw_only=True, compare=False)
    data: dict[str, Any] = field(default_factory=dict)
    short: str = ""
    letter: Letter | None = None
    leave: str = ""

    @property
    def brief(self) -> str:
        """A line that says what it is about and, below it, the words, for media that count characters."""
        return printable(self.short) or f"{one_line(self.subject, HEADLINE)}\n{printable(self.body)}"


class Outcome(TextChoices):
    """What came of an attempt to hand a message to its provider. The ledger keeps it (`Attempt.outcome`)."""

    UNKNOWN = "unknown", "unknown"
    ACCEPTED = "accepted", "accepted"
    TEMPORARY = "temporary", "failed for now"
    AWAY = "away", "the provider was unavailable"
    PERMANENT = "permanent", "failed for good"
    GONE = "gone", "no such address"


FINAL = (Outcome.PERMANENT, Outcome.GONE)


class ChannelError(Exception):
    """Not delivered, for a reason that is shown to people and logged: no secrets in it.

    UNKNOWN: the provider may have accepted all the same. AWAY: it takes nothing at present, whoever it is for; `final` if
    another try is in vain until somebody has mended that. `retry_after` is the provider's wish in seconds, if any.
    """

    def __init__(
        self,
        sentence: str,
        *,
        outcome: Outcome = Outcome.TEMPORARY,
        final: bool = False,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(sentence)
        self.outcome = outcome
        self.final = final or outcome in FINAL
        self.retry_after = retry_after


class Channel(ABC):
    """A medium that carries an envelope to an address, within PROVIDER_TIMEOUT seconds. Many threads share it."""

    kind: str
    label: str
    # Whether people type the addresses in; else a program has to ask for them.
    typed: bool = True

    @property
    def configured(self) -> bool:
        """A medium that is not configured is not offered."""
        return True

    @abstractmethod
    def clean_address(self, address: str) -> str:
        """The address in its normal form; raises ValidationError with a sentence if it cannot be used."""

    @abstractmethod
    def send(self, envelope: Envelope) -> str:
        """The provider's receipt, perhaps empty, once it has accepted; raises ChannelError if it has not."""


_channels: dict[str, Channel] = {}


def register(channel: Channel) -> None:
    _channels[channel.kind] = channel


def get(kind: str) -> Channel:
    """The channel of this kind; raises a final ChannelError if there is none or it is not configured."""
    channel = _channels.get(kind)
    if channel is None or not channel.configured:
        raise ChannelError(f"the medium {kind!r} is not configured", outcome=Outcome.PERMANENT)
    return channel


def kinds(*, typed: bool = False) -> list[tuple[str, str]]:
    """(kind, label) of every medium on offer, ready for a form's choices; `typed`: only those whose addresses people type."""
    offered = [channel for channel in _channels.values() if channel.configured and (channel.typed or not typed)]
    return [(channel.kind, channel.label) for channel in offered]


def provider_timeout() -> float:
    """Seconds a whole call may take, from name look-up to the last byte; less than half of a lease (faults A14)."""
    return getattr(settings, "PROVIDER_TIMEOUT", 10)
