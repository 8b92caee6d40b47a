"""A channel for tests and demos: keeps envelopes in a list instead of sending them, and fails on request."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError

from dispatching.channels.base import Channel, ChannelError, Envelope


class MemoryChannel(Channel):
    kind = "memory"
    label = "Memory"
    spoken = "memory"
    for_strangers = True

    def __init__(self) -> None:
        self.outbox: list[Envelope] = []
        self._failures: list[ChannelError] = []

    @property
    def configured(self) -> bool:
        return settings.MEMORY_CHANNEL

    def clean_address(self, address: str) -> str:
        if not (address := address.strip()):
            raise ValidationError("Please enter an address.")
        return address

    def send(self, envelope: Envelope) -> str:
        if self._failures:
            raise self._failures.pop(0)
        self.outbox.append(envelope)
        return f"memory-{len(self.outbox)}"

    def fail_next(self, times: int = 1, *, reason: str = "mailbox full", **how: Any) -> None:
        """Makes the next `times` sends fail with this reason; `how` are the keyword arguments of ChannelError."""
        self._failures += [ChannelError(reason, **how) for _ in range(times)]

    def clear(self) -> None:
        self.outbox.clear()
        self._failures.clear()


memory = MemoryChannel()
