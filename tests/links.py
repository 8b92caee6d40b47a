"""What whoever opens the links of a message leaves behind: nothing (K11, P3). Every test that sends messages is asked."""

import re
from collections.abc import Iterable
from itertools import product

from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from django.urls import resolve

from dispatching.channels import Envelope, memory
from dispatching.models import Delivery
from schedules.models import User
from tests.browser import browser_of

METHODS = ("get", "head", "options")
# Counted also where a savepoint takes it back; sessions are not rows of ours.
WRITTEN = """
SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables
WHERE n_tup_ins + n_tup_upd + n_tup_del > 0 AND relname <> 'django_session'
"""


def check() -> None:
    """The links of all messages that were sent are opened, one of each kind, and no row may change."""
    urls = one_of_each_kind(urls_of(memory.outbox) | urls_elsewhere())
    assert written_by_opening(urls.values()) == {}, f"opening one of these has changed rows: {urls}"


def urls_of(sent: Iterable[Envelope]) -> set[str]:
    """The paths of our URLs in these messages: in their words, in what machines get, in the headers of shared letters."""
    said = [f"{each.body} {each.data} {each.letter.links if each.letter else ''}" for each in sent]
    return _ours("\n".join(said))


def urls_elsewhere() -> set[str]:
    """The same for what went by mail or webhook."""
    gone = Delivery.objects.filter(state__in=("sent", "delivered"), content=None).exclude(channel="memory")
    return _ours("\n".join(f"{body} {url}" for body, url in gone.values_list("body", "data__url")))


def _ours(text: str) -> set[str]:
    return set(re.findall(re.escape(settings.PUBLIC_URL) + r"""(/[^\s"'<>)},\\#]*)""", text))


def one_of_each_kind(urls: Iterable[str]) -> dict[str, str]:
    """The name of the page → one of the paths that lead there. A path that leads nowhere raises Resolver404."""
    return {resolve(url.partition("?")[0]).view_name: url for url in sorted(urls)}


def written_by_opening(urls: Iterable[str]) -> dict[str, int]:
    """Opens each by GET, HEAD and OPTIONS, as a scanner and, where it asks for a login, as somebody who has one.

    Returns the tables that have changed, with how many rows; whatever it did is taken back.
    """
    with transaction.atomic():
        found, private = _open(urls, Client())
        if private:
            reader = browser_of(User.objects.create_superuser("a reader of mails"))
            more, _ = _open(private, reader)
            found |= more
        transaction.set_rollback(True)
    return found


def _open(urls: Iterable[str], client: Client) -> tuple[dict[str, int], list[str]]:
    """(what has changed, the URLs that ask for a login)"""
    before, private = _written(), []
    for url, method in product(urls, METHODS):
        answer = getattr(client, method)(url)
        assert answer.status_code < 500, (method, url)
        if method == "get" and answer.status_code == 302 and "login" in answer["Location"]:
            private.append(url)
    changes = {name: rows - before.get(name, 0) for name, rows in _written().items()}
    return {name: rows for name, rows in changes.items() if rows}, private


def _written() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(WRITTEN)
        return dict(cursor.fetchall())
