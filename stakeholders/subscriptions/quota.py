"""Rate limits, counted in the database so that they hold across processes and restarts."""

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
    """Counts one more and returns whether that is within `limit` for `span`, at most a day. Stores `whose` only as a hash."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE, {"key": _key(what, whose), "now": now, "over": now - span})
        return cursor.fetchone()[0] <= limit


def used(what: str, whose: str, *, span: timedelta, now: datetime) -> int:
    """Returns how many were counted in the current span, including the ones above the limit."""
    running = Quota.objects.filter(key=_key(what, whose), began_at__gt=now - span)
    return running.values_list("used", flat=True).first() or 0


def _key(what: str, whose: str) -> str:
    return f"{what}/{salted_hmac('tocsin.quota', whose, algorithm='sha256').hexdigest()}"


def network(ip: str) -> str:
    """Returns the network in which a sender can choose addresses: one IPv4 address or an IPv6 /64; "unknown" if `ip` is neither."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return "unknown"
    return str(ipaddress.ip_network((address, 64 if address.version == 6 else 32), strict=False))


def clear(now: datetime) -> int:
    """Deletes counters that began more than two days ago and so no longer count; returns how many."""
    return Quota.objects.filter(began_at__lt=now - 2 * DAY).delete()[0]
