"""For the stories that need more than a moved clock: a running Tocsin, a real browser; the others never ask for them."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.live import Product, SmtpSink


@pytest.fixture(scope="session")
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as sink:
        yield sink


@pytest.fixture(scope="session")
def tocsin(sink) -> Iterator[Product]:
    with Product(EMAIL_URL=sink.url) as product:
        yield product


@pytest.fixture
def browser(monkeypatch) -> Iterator[Browser]:
    path = shutil.which("chromium") or pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    # Playwright's own loop makes Django take every thread for an asynchronous one.
    monkeypatch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    flags = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-sync"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags.split())
        yield browser
        browser.close()
