"""What every answer says to the browser: what it may load, and that nobody keeps a copy (S18, K28)."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from schedules.models import User
from schedules.templatetags.times import when
from tests.browser import browser_of
from tests.sure import sure

pytestmark = pytest.mark.django_db
KINDS = {
    # page: a part of its policy, the rule for copies
    "/login/": ("default-src 'none'", "no-store"),
    "/on-call/": ("default-src 'none'", "no-store"),
    "/on-call/mine/": ("default-src 'none'", "no-store"),
    "/account/": ("default-src 'none'", "no-store"),
    "/stakeholders/": ("default-src 'none'", "no-store"),
    "/subscribe/": ("default-src 'none'", "no-store"),
    "/subscribe/help/": ("default-src 'none'", "no-store"),
    "/subscribe/worker.js": ("default-src 'none'", "no-store"),
    "/a/forged/": ("default-src 'none'", "no-store"),
    "/calendar/forged.ics": ("default-src 'none'", "no-store"),
    "/nothing/here/": ("default-src 'none'", "no-store"),
    "/admin/": ("default-src 'self'", "no-store"),
    "/admin/login/": ("default-src 'self'", "no-store"),
    "/admin/schedules/team/": ("default-src 'self'", "no-store"),
    "/api/v1/teams/": ("default-src 'none'", "no-store"),
    "/api/v1/teams/999/": ("default-src 'none'", "no-store"),
    "/api/schema/": ("default-src 'none'", "no-store"),
    "/api/docs/": ("default-src 'self'", "no-store"),
    "/healthz": ("default-src 'none'", "no-store"),
    "/metrics": ("default-src 'none'", "no-store"),
    "/v2/enqueue": ("default-src 'none'", "no-store"),
}


def test_every_kind_of_page_says_what_it_loads_and_is_not_stored(world, settings, client):
    """S18, K28"""
    coach = browser_of(world.person("coach", is_superuser=True, is_staff=True))
    coach.raise_request_exception = False
    for path, (policy, copies) in KINDS.items():
        answer = coach.get(path)
        told = answer["Content-Security-Policy"]
        assert policy in told and "frame-ancestors 'none'" in told, path
        assert copies in answer["Cache-Control"], path
        assert "Strict-Transport-Security" not in answer
    page = client.get("/subscribe/help/")
    nonce = sure(page.wsgi_request.csp_nonce)
    assert page["Content-Security-Policy"].count(f"'nonce-{nonce}'") == 2
    source = page.content.decode()
    assert source.count(f'nonce="{nonce}"') == source.count("<style") + source.count("<script") == 2
    assert "unsafe" not in page["Content-Security-Policy"]
    settings.SESSION_COOKIE_SECURE = True
    assert client.get("/healthz")["Strict-Transport-Security"] == "max-age=31536000"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("autocomplete/?app_label=schedules&model_name=participant&field_name=user&term=%00", 400),
        ("dispatching/integration/?q=%00", 400),
        ("dispatching/integration/?%00=1", 400),
        ("schedules/schedule/add/?team=%25", 200),
        ("dispatching/service/add/?team=%00", 400),
        ("dispatching/service/add/?team=x&policy=99999999999999999999", 200),
    ],
)
def test_junk_in_an_address_of_the_admin_is_no_error_page(world, path, status):
    """S17"""
    coach = browser_of(world.person("coach", is_superuser=True, is_staff=True))
    assert coach.get(f"/admin/{path}").status_code == status


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("schedules/team/add/", {"name": "x", "members": "x"}),
        ("schedules/team/add/", {"name": "x", "manager": "x"}),
        ("schedules/absence/add/", {"user": "x"}),
        ("dispatching/recipient/add/", {"user": "x"}),
        (
            "dispatching/escalationpolicy/add/",
            {"steps-TOTAL_FORMS": 1, "steps-INITIAL_FORMS": 0, "steps-0-people": "x"},
        ),
        ("stakeholders/outage/add/", {"alerts": "x"}),
        ("schedules/team/", {"action": "delete_selected", "_selected_action": "x"}),
    ],
)
def test_a_text_in_the_place_of_an_id_is_no_error_page(world, path, form):
    """S17, and its sister in the body of a form."""
    coach = browser_of(world.person("coach", is_superuser=True, is_staff=True))
    assert coach.post(f"/admin/{path}", form).status_code in (200, 400)


@pytest.mark.parametrize("rows", ["99999", " 501", "0000000000000000501", "99999.0"])
def test_a_form_that_claims_to_have_very_many_rows_is_refused_at_once(world, rows):
    """S17: Django made 2,000 forms, which took half a minute."""
    coach = browser_of(world.person("coach", is_superuser=True, is_staff=True))
    form = {"name": "x", "participants-TOTAL_FORMS": rows, "participants-INITIAL_FORMS": "0"}
    assert coach.post("/admin/schedules/rotation/add/", form).status_code == 400
    assert coach.post("/admin/schedules/rotation/add/", form | {"participants-TOTAL_FORMS": "2"}).status_code == 200


def test_a_moment_that_no_zone_can_show_is_refused_and_shown_if_it_is_there(world):
    """S10, K: the list of outages was an error page for readers in New York after one from the year 1."""
    coach = world.person("coach", is_superuser=True, is_staff=True)
    User.objects.filter(pk=coach.pk).update(time_zone="Pacific/Kiritimati")
    coach, bo = browser_of(User.objects.get(pk=coach.pk)), world.person("bo")
    for day in ("9999-12-31", "0001-01-01"):
        form = {"user": bo.pk, "start_0": day, "start_1": "10:00", "end_0": day, "end_1": "23:59"}
        refused = coach.post("/admin/schedules/absence/add/", form)
        assert refused.status_code == 200 and "The year must lie between 1970 and 2199." in refused.content.decode()
    assert "31 Dec 9999, 23:59" in when(datetime(9999, 12, 31, 23, 59, tzinfo=UTC), ZoneInfo("Pacific/Kiritimati"))
    assert "1 Jan 1, 00:00" in when(datetime(1, 1, 1, tzinfo=UTC), ZoneInfo("America/New_York"))
