"""No form and no serializer writes a row that it read before the lock (bB3, S5, F13): held by the base classes, for every page."""

from io import StringIO

import pytest
from django.contrib import admin
from django.core.management import call_command
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from config.api import router
from schedules.models import User
from schedules.surfaces.admin import ModelAdmin, PartOfParent
from schedules.surfaces.api import Resource
from tests.api import client_of
from tests.browser import browser_of

# What is locked in place of the row, by everything that changes it.
INSTEAD = {"stakeholders_subscription": "dispatching_contactpoint"}
LOCK = "FOR NO KEY UPDATE"


@pytest.fixture
def coach(db) -> User:
    call_command("load_example", stdout=StringIO())
    return User.objects.filter(is_superuser=True).first() or User.objects.create_superuser("coach")


def touched(table: str, queries: CaptureQueriesContext) -> list[str]:
    """The statements that read or write rows of this table, in order; what checks permissions reads others."""
    named = (f'FROM "{table}"', f'UPDATE "{table}"')
    return [query["sql"] for query in queries if any(name in query["sql"] for name in named)]


def test_every_resource_locks_the_row_before_it_reads_it(coach):
    """bB3, S5: the whole kind. A new resource or page that goes round the base classes fails here."""
    api, resources = client_of(coach), 0
    for prefix, viewset, _ in router.registry:
        row = viewset.queryset.order_by("pk").first()  # type: ignore[attr-defined]
        if (
            row is None
            or "patch" not in getattr(viewset, "http_method_names", ())
            or not hasattr(viewset, "partial_update")
        ):
            continue
        assert issubclass(viewset, Resource), prefix
        table = row._meta.db_table
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = api.patch(f"{prefix}/{row.pk}/", {})
        assert answer.status_code in (200, 403, 409), (prefix, answer.json())
        locked = touched(INSTEAD.get(table, table), queries)
        assert LOCK in locked[0], f"{prefix}: {locked[0]}"
        resources += 1
    assert resources >= 15


def test_every_page_of_the_admin_locks_the_row_before_it_reads_what_it_edits(coach):
    """bB3, S5, F13"""
    browser, request, pages = browser_of(coach), _request(coach), 0
    for model, page in admin.site._registry.items():
        row = page.get_queryset(request).order_by("pk").first()
        if row is None or not page.has_change_permission(request, row):
            continue
        meta = model._meta
        assert isinstance(page, ModelAdmin), meta.label
        with CaptureQueriesContext(connection) as queries:
            browser.post(f"/admin/{meta.app_label}/{meta.model_name}/{row.pk}/change/", {"csrfmiddlewaretoken": "x"})
        locks = [LOCK in statement for statement in touched(meta.db_table, queries)]
        assert any(locks), meta.label
        assert locks.index(True) + 1 < len(locks), f"{meta.label}: nothing is read after the lock"
        for inline in page.get_inline_instances(request, row):
            assert isinstance(inline, PartOfParent), inline
            assert inline.get_queryset(request).query.select_for_update, inline
        pages += 1
    assert pages >= 12


def _request(user: User):
    request = RequestFactory().post("/")
    request.user = user
    return request
