import pytest

from tests.dispatching.media import Mail, Push, Sms, Webhook
from tests.dispatching.receivers import http_receiver, mail_receiver


@pytest.fixture
def mail(settings):
    with mail_receiver() as server:
        yield Mail(server, settings)


@pytest.fixture
def webhook(settings):
    with http_receiver() as server:
        yield Webhook(server, settings)


@pytest.fixture
def sms(settings):
    with http_receiver() as server:
        yield Sms(server, settings)


@pytest.fixture
def push(settings):
    with http_receiver() as server:
        yield Push(server, settings)
