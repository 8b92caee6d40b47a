"""For the stories that need more than a moved clock: a running Tocsin, a real browser; the others never ask for them."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.live import Product, SmtpSink


@pytest.fixture(scope="session")
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as sink:
        yield sink


@pytest.fixture(scope="session")
def product(sink) -> Iterator[Product]:
    with Product(EMAIL_URL=sink.url) as product:
        yield product


@pytest.fixture
def tocsin(product: Product) -> Product:
    """One for all tests, because its start takes longer than most of them; started again after a test that stopped it."""
    if not product.is_up():
        product.start()
    return product


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One for all tests of a file, because its start takes longer than most of them; no longer, for Playwright's own loop
    makes Django take the thread for an asynchronous one."""
    path = shutil.which("chromium") or pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    flags = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-sync"
    expect.set_options(timeout=30_000)  # ends as soon as it is so; five seconds are short on a busy machine
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(executable_path=path, args=flags.split())
        yield browser
        browser.close()


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Browser]:
    """Without what an earlier test has opened or been given."""
    yield chromium
    for context in chromium.contexts:
        context.close()
