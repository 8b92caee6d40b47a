"""The channels: e-mail, webhook, text message, browser notification and (in tests) memory.

To add one, write a module with a Channel and register it here.
"""

from dispatching.channels.base import Channel, ChannelError, Envelope, Outcome, get, kinds, register, spoken, works
from dispatching.channels.email.channel import EmailChannel
from dispatching.channels.memory import MemoryChannel, memory
from dispatching.channels.push import PushChannel
from dispatching.channels.sms import SmsChannel
from dispatching.channels.webhook import WebhookChannel

__all__ = [
    "Channel",
    "ChannelError",
    "Envelope",
    "MemoryChannel",
    "Outcome",
    "get",
    "kinds",
    "memory",
    "register",
    "spoken",
    "works",
]

register(EmailChannel())
register(SmsChannel())
register(WebhookChannel())
register(PushChannel())
register(memory)
