"""No secret in a log (K13)."""

import pytest

from config.logs import mask, mask_event


def test_a_request_that_is_logged_shows_no_key(rf):
    """Django's own lines about 4xx and 5xx carry the request itself."""
    event = {"request": rf.post("/integrations/0123abcd/events/"), "status_code": 400, "event": "Bad Request"}
    assert mask_event(None, "warning", event) == {
        "request": "<WSGIRequest: POST '/integrations/…/events/'>",
        "status_code": 400,
        "event": "Bad Request",
    }


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("GET /a/WzEsMV0:1x:abc/ 200", "GET /a/…/ 200"),
        ("POST /integrations/0123abcd/events/", "POST /integrations/…/events/"),
        ("GET /c/WzEsMV0:1x:abc/", "GET /c/…/"),
        ("GET /subscriptions/confirm/WzEsMV0:1x:abc/", "GET /subscriptions/confirm/…/"),
        ("GET /subscriptions/not-me/WzEsMV0:1x:abc/", "GET /subscriptions/not-me/…/"),
        ("GET /subscriptions/WzEsMV0:abc/feed.atom", "GET /subscriptions/…/feed.atom"),
        ("https://t.example/unsubscribe/tok?x=1", "https://t.example/unsubscribe/…?x=1"),
        ("POST /inbound/mail/0123abcd/ 401", "POST /inbound/mail/…/ 401"),
        ("POST /inbound/bounces/0123abcd/", "POST /inbound/bounces/…/"),
        ("GET /admin/dispatching/alert/1/", "GET /admin/dispatching/alert/1/"),
    ],
)
def test_tokens_in_paths_are_masked(text, masked):
    assert mask(text) == masked
