"""The real thing under test: real processes, a real mail server, and what both have on record."""

import sys

import pytest

from tests.live.ledger import Equation, settle
from tests.live.product import Product, eventually
from tests.live.sink import Mail, SmtpSink
from tests.live.storm import Answer, Sending, fire, sendings

__all__ = [
    "Answer",
    "Equation",
    "Mail",
    "Product",
    "Sending",
    "SmtpSink",
    "eventually",
    "fire",
    "only_live",
    "sendings",
    "settle",
]

# For pytestmark; tests/chains.py names the files, so that one worker runs them one after another.
only_live = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the product's processes are found in /proc"),
]
