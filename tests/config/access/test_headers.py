"""What every answer says to the browser: what it may load, and that nobody keeps a copy (S18, K28)."""

import pytest

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
