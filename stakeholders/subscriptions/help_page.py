"""The help page for stakeholders: seen so often, and whether it helped (B116 to B118).

A view is counted by a POST that the page itself sends, never by the GET: programs that check links open pages, too, and a GET
changes nothing. So browsers without script are not counted, and neither are those programs.
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
    """Counts one more view; False, and nothing, if one network has sent too many."""
    if not quota.take("views", quota.network(ip), settings.FORMS_PER_NETWORK, span=HOUR, now=now):
        return False
    with connection.cursor() as cursor:
        cursor.execute(COUNT, {"page": page, "day": now.date()})
    return True


def answer(page: str, *, helped: bool, comment: str, ip: str, now: datetime) -> bool:
    """Keeps what somebody said of the page; False, and nothing, if there were too many forms."""
    if not sign_ups.let_in(ip, now=now):
        return False
    PageAnswer.objects.create(page=page, day=now.date(), helped=helped, comment=comment)
    return True
