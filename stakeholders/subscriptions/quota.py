"""How often is often enough: counted in rows, so that it holds over all processes and restarts."""

import ipaddress
from datetime import datetime, timedelta

from django.db import connection
from django.utils.crypto import salted_hmac

from stakeholders.models import Quota

DAY = timedelta(days=1)
TAKE = """
INSERT INTO stakeholders_quota AS quota (key, began_at, used) VALUES (%(key)s, %(now)s, 1)
ON CONFLICT (key) DO UPDATE SET
    used = CASE WHEN quota.began_at <= %(over)s THEN 1 ELSE quota.used + 1 END,
    began_at = CASE WHEN quota.began_at <= %(over)s THEN %(now)s ELSE quota.began_at END
RETURNING used
"""


def take(what: str, whose: str, limit: int, *, span: timedelta, now: datetime) -> bool:
    """Counts one more, and says whether that is within `limit` in `span`, which is at most a day. `whose` is kept as a hash."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE, {"key": _key(what, whose), "now": now, "over": now - span})
        return cursor.fetchone()[0] <= limit


def used(what: str, whose: str, *, span: timedelta, now: datetime) -> int:
    """How many were counted in the span that is running, those that were too many among them."""
    running = Quota.objects.filter(key=_key(what, whose), began_at__gt=now - span)
    return running.values_list("used", flat=True).first() or 0


def _key(what: str, whose: str) -> str:
    return f"{what}/{salted_hmac('tocsin.quota', whose, algorithm='sha256').hexdigest()}"


def network(ip: str) -> str:
    """What one sender can choose addresses from: an IPv4 address, or a /64 of IPv6."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return "unknown"
    return str(ipaddress.ip_network((address, 64 if address.version == 6 else 32), strict=False))


def clear(now: datetime) -> int:
    """Deletes what has not counted any more for a day."""
    return Quota.objects.filter(began_at__lt=now - 2 * DAY).delete()[0]
