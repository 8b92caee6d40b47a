"""The real thing under test: real processes, a real mail server, and what both have on record."""

from tests.live.ledger import Equation, settle
from tests.live.product import Product
from tests.live.sink import Mail, SmtpSink
from tests.live.storm import Answer, Sending, fire, sendings

__all__ = ["Answer", "Equation", "Mail", "Product", "Sending", "SmtpSink", "fire", "sendings", "settle"]
