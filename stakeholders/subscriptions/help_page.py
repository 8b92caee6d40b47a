"""Counts how often the help page for stakeholders is seen, and records whether it helped (B116 to B118).

A view is counted by a POST that the page sends, never by the GET, because programs that check links open pages, too, and a GET must
not change anything. So neither browsers without scripts nor such programs are counted.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

from stakeholders.models import PageAnswer
from stakeholders.subscriptions import quota, sign_ups

HELP = "help"
HOUR = timedelta(hours=1)
COUNT = """
INSERT INTO stakeholders_pageviews AS known (page, day, views) VALUES (%(page)s, %(day)s, 1)
ON CONFLICT (page, day) DO UPDATE SET views = known.views + 1
"""


def seen(page: str, *, ip: str, now: datetime) -> bool:
    """Counts one more view; returns False and counts nothing if its network has sent too many."""
    if not quota.take("views", quota.network(ip), settings.FORMS_PER_NETWORK, span=HOUR, now=now):
        return False
    with connection.cursor() as cursor:
        cursor.execute(COUNT, {"page": page, "day": now.date()})
    return True


def answer(page: str, *, helped: bool, comment: str, ip: str, now: datetime) -> bool:
    """Saves a reader's answer about the page; returns False and saves nothing if there were too many forms."""
    if not sign_ups.let_in(ip, now=now):
        return False
    PageAnswer.objects.create(page=page, day=now.date(), helped=helped, comment=comment)
    return True
