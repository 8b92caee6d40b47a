"""The interface of a channel, and the registry of the channels."""

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
    """One message to one address. `key` is the same for every attempt, `data` is JSON-ready content for machines.

    A message has either words of its own, in `own_body`, or words that it shares with others, in `letter`. `leave` is the token of
    the contact point for unsubscribing by a mail to us (`contact.links.mail_token`).
    """

    key: str
    address: str
    recipient: str
    subject: str
    own_body: str = ""
    # When this attempt is made, for dates and signatures: the host's own clock may be wrong (faults E1).
    at: datetime = field(kw_only=True, compare=False)
    data: dict[str, Any] = field(default_factory=dict)
    letter: Letter | None = None
    leave: str = ""
    # The address was not entered by an operator, so it must not lead into our own network, even if that is open to webhooks.
    outside: bool = False

    @property
    def body(self) -> str:
        """The complete words. They are put together when they are asked for: a mail is written from the letter itself."""
        return self.letter.filled() if self.letter else self.own_body

    @property
    def brief(self) -> str:
        """The words for channels that count characters, the topic in the first line: few words, or else the subject and all."""
        short = self.letter.filled("short") if self.letter else ""
        return printable(short) or f"{one_line(self.subject, HEADLINE)}\n{printable(self.body)}"


class Outcome(TextChoices):
    """The result of an attempt to hand a message to its provider. The ledger keeps it (`Attempt.outcome`)."""

    UNKNOWN = "unknown", "unknown"
    ACCEPTED = "accepted", "accepted"
    TEMPORARY = "temporary", "failed for now"
    AWAY = "away", "the provider was unavailable"
    PERMANENT = "permanent", "failed for good"
    GONE = "gone", "no such address"


FINAL = (Outcome.PERMANENT, Outcome.GONE)


class ChannelError(Exception):
    """A message was not delivered. The reason is shown to people and logged, so it must contain no secrets.

    UNKNOWN: the provider may have accepted it all the same. AWAY: the provider accepts nothing at present, for any recipient;
    `final` if trying again is useless until somebody has fixed that. `retry_after` is the delay in seconds that the provider
    asks for, if any.
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
    """A way to carry an envelope to an address, within PROVIDER_TIMEOUT seconds. Many threads share one instance."""

    kind: str
    label: str
    # The medium within a sentence: “paged by e-mail”.
    spoken: str
    # Whether people type the addresses in. If not, a program has to ask for them.
    typed: bool = True
    # Whether people without a login may subscribe by it. If not, only people who may enter contact points use it.
    for_strangers: bool = False

    @property
    def configured(self) -> bool:
        """Whether the channel is configured. If not, it is not offered."""
        return True

    @abstractmethod
    def clean_address(self, address: str) -> str:
        """The address in its normal form; raises ValidationError with a sentence if it cannot be used."""

    def clean_outside_address(self, address: str) -> str:
        """Like `clean_address`, for an address that was not entered by an operator: it never leads into our own network."""
        return self.clean_address(address)

    @abstractmethod
    def send(self, envelope: Envelope) -> str:
        """Hands the envelope to the provider. Returns its receipt, which may be empty; raises ChannelError if it did not accept."""


_channels: dict[str, Channel] = {}


def register(channel: Channel) -> None:
    _channels[channel.kind] = channel


def get(kind: str) -> Channel:
    """The channel of this kind; raises a final ChannelError if there is none or it is not configured."""
    if not works(kind):
        raise ChannelError(f"the medium {kind!r} is not configured", outcome=Outcome.PERMANENT)
    return _channels[kind]


def works(kind: str) -> bool:
    """Whether there is a channel of this kind and it is configured."""
    channel = _channels.get(kind)
    return channel is not None and channel.configured


def spoken(kind: str) -> str:
    """The medium of this kind within a sentence, such as “e-mail”; of a channel that is gone, its kind."""
    return _channels[kind].spoken if kind in _channels else kind


def kinds(*, typed: bool = False, for_strangers: bool = False) -> list[tuple[str, str]]:
    """(kind, label) of every configured channel, ready for a form's choices.

    `typed`: only channels whose addresses people type; `for_strangers`: only those by which people without a login may subscribe.
    """
    able = [channel for channel in _channels.values() if channel.configured]
    offered = [c for c in able if (c.typed or not typed) and (c.for_strangers or not for_strangers)]
    return [(channel.kind, channel.label) for channel in offered]


def provider_timeout() -> float:
    """The seconds that a whole call may take, from name look-up to the last byte; less than half of a lease (faults A14)."""
    return settings.PROVIDER_TIMEOUT
