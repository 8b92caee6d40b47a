"""Reads the answers of providers that take messages by HTTP: accepted, refused for now or for good, and when to try again."""

import http
import json
from collections.abc import Collection
from datetime import datetime
from email.utils import parsedate_to_datetime

from dispatching.channels.base import ChannelError, Outcome
from dispatching.channels.http.client import Reply
from dispatching.channels.text import one_line

LONGEST_WAIT = 24 * 3600
TRY_AGAIN = {408, 425, 429}


def receipt(reply: Reply, *, at: datetime, gone: Collection[int] = ()) -> str:
    """The provider's own id for the message that it accepted, which may be empty; raises ChannelError if it did not accept.

    `gone`: the statuses by which the provider says that there is no such address.
    """
    if 200 <= reply.status < 300:
        if _says_no(reply):
            raise ChannelError(f"{reply.host} answered {reply.status}, but with ok: false")
        return one_line(reply.headers.get("x-request-id", ""), 200)
    temporary = reply.status in TRY_AGAIN or reply.status >= 500
    raise ChannelError(
        f"{reply.host} answered {reply.status} {_phrase(reply.status)}".rstrip(),
        outcome=Outcome.TEMPORARY if temporary else Outcome.GONE if reply.status in gone else Outcome.PERMANENT,
        retry_after=_retry_after(reply, at) if temporary else None,
    )


def _says_no(reply: Reply) -> bool:
    """Whether an answer with status 200 is a refusal in fact, as Slack and Telegram send it (faults G4)."""
    try:
        answer = json.loads(reply.body)
    except (ValueError, RecursionError):
        return False
    return isinstance(answer, dict) and answer.get("ok") is False


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return ""


def _retry_after(reply: Reply, at: datetime) -> int | None:
    """The seconds of a Retry-After header in either of its forms (RFC 9110 10.2.3); None if it makes no sense."""
    value = reply.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return min(int(value[:9]), LONGEST_WAIT)
    try:
        seconds = (parsedate_to_datetime(value) - at).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0, min(round(seconds), LONGEST_WAIT))
