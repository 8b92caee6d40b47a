"""Each medium with a receiver at its other end, seen through the same five names, so that one test can ask them all."""

import json
from datetime import UTC, datetime

from dispatching.channels import Envelope, MemoryChannel, Outcome
from dispatching.channels.email.channel import EmailChannel
from dispatching.channels.push import PushChannel
from dispatching.channels.shared_words import Letter
from dispatching.channels.sms import SmsChannel
from dispatching.channels.webhook import WebhookChannel
from dispatching.models import Content
from tests.dispatching.browsers import Browser
from tests.dispatching.receivers import answer

KEY = "0123456789abcdef0123456789abcdef"


def envelope(address, *, body="p99 is 3 s\n", short="", **values):
    """A message with words of its own, or with `short` one with shared words."""
    usual = {
        "key": KEY,
        "recipient": "Ana",
        "subject": "Checkout is slow",
        "own_body": body,
        "letter": Letter(Content(text=body, short=short), (), {}) if short else None,
        "at": datetime.now(UTC),
    }
    return Envelope(address=address, **{**usual, **values})


class Memory:
    address, useless = "ana", " "

    def __init__(self):
        self.channel = MemoryChannel()

    def refuse(self, *, permanent):
        self.channel.fail_next(outcome=Outcome.PERMANENT if permanent else Outcome.TEMPORARY)

    def received(self):
        return [(envelope.key, envelope.subject, envelope.body) for envelope in self.channel.outbox]


class Mail:
    address, useless = "ana@example.org", "a@b.com, c@d.com"

    def __init__(self, server, settings):
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.DEFAULT_FROM_EMAIL = "Tocsin <tocsin@alerts.example.org>"
        self.channel, self.server, self.settings = EmailChannel(), server, settings

    def refuse(self, *, permanent):
        self.server.rcpt.append("550 5.1.1 no such user" if permanent else "451 4.2.2 mailbox full")

    def go_away(self):
        self.settings.EMAIL_PORT = 1

    def received(self):
        return [
            (mail["Message-ID"].strip("<>").partition("@")[0], mail["Subject"], mail.get_content())
            for mail in self.server.messages
        ]


class Webhook:
    useless = "https://127.1/hook"

    def __init__(self, server, settings):
        settings.WEBHOOK_ALLOW_PRIVATE = True
        settings.WEBHOOK_SIGNING_SECRET = "shared"
        self.channel, self.server, self.address = WebhookChannel(), server, server.url

    def refuse(self, *, permanent):
        self.server.script.append(answer(410 if permanent else 503))

    def go_away(self):
        self.address = "http://127.0.0.1:1/hook"

    def received(self):
        posts = [(request.headers["idempotency-key"], json.loads(request.body)) for request in self.server.requests]
        return [(key, post["title"], post["body"]) for key, post in posts]


class Sms:
    address, useless = "+447700900123", "07700 900123"

    def __init__(self, server, settings):
        settings.SMS_GATEWAY_URL, settings.SMS_GATEWAY_TOKEN, settings.SMS_SENDER = server.url, "hush", "Tocsin"
        self.channel, self.server, self.settings = SmsChannel(), server, settings

    def refuse(self, *, permanent):
        self.server.script.append(answer(400 if permanent else 503))

    def go_away(self):
        self.settings.SMS_GATEWAY_URL = "http://127.0.0.1:1/hook"

    def received(self):
        """A text message has no title: its first line is one; and no empty line at its end."""
        posts = [json.loads(request.body) for request in self.server.requests]
        return [(post["id"], *f"{post['text']}\n".split("\n", 1)) for post in posts]


class Push:
    useless = '{"endpoint": "https://127.0.0.1/x", "keys": {}}'

    def __init__(self, server, settings):
        settings.WEBHOOK_ALLOW_PRIVATE, settings.PUSH_SERVICES = True, ["127.0.0.1"]
        self.browser = Browser(server.url)
        self.channel, self.server, self.address = PushChannel(), server, self.browser.address

    def refuse(self, *, permanent):
        self.server.script.append(answer(410 if permanent else 503))

    def go_away(self):
        self.address = Browser("http://127.0.0.1:1/hook").address

    def received(self):
        said = [self.browser.read(request.body) for request in self.server.requests]
        return [(each["id"], each["title"], each["body"]) for each in said]
