"""A running Tocsin for the stories that have the clock on the wall; the others never ask for it."""

from collections.abc import Iterator

import pytest

from tests.live import Product, SmtpSink


@pytest.fixture(scope="session")
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as sink:
        yield sink


@pytest.fixture(scope="session")
def tocsin(sink) -> Iterator[Product]:
    with Product(EMAIL_URL=sink.url) as product:
        yield product
