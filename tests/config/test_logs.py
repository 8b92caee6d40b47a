"""No secret in a log (K13)."""

import logging

import pytest
from django.core.mail import EmailMessage
from django.urls import URLPattern, get_resolver

from config.logs import FORMATTER, mask, mask_event
from dispatching.channels.email.mailfiles import EmailBackend


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
        ("POST //integrations//0123abcd//events/", "POST //integrations//…//events/"),
        ("POST /INTEGRATIONS/0123abcd/events/", "POST /INTEGRATIONS/…/events/"),
        ("POST /integrations/ 0123abcd/events/", "POST /integrations/ …/events/"),
        ("POST /inbound//mail//0123abcd/", "POST /inbound//mail//…/"),
        ("GET /calendar//0123abcd.ics", "GET /calendar//…"),
        (
            "<WSGIRequest: POST '/v2/enqueue?a=1&routing_key=0123abcd'>",
            "<WSGIRequest: POST '/v2/enqueue?a=1&routing_key=…'>",
        ),
        ("GET /api/v1/alerts/?Token=0123abcd&limit=5", "GET /api/v1/alerts/?Token=…&limit=5"),
        ("GET /admin/dispatching/alert/1/", "GET /admin/dispatching/alert/1/"),
    ],
)
def test_tokens_in_paths_are_masked(text, masked):
    assert mask(text) == masked


def test_every_handler_masks():
    """S12: Django's own handlers wrote the path as it came beside our line."""
    loggers = [logging.root, *(each for each in logging.root.manager.loggerDict.values() if hasattr(each, "handlers"))]
    handlers = [handler for logger in loggers for handler in logger.handlers]
    writing = [
        each for each in handlers if not isinstance(each, logging.NullHandler) and "_pytest" not in str(type(each))
    ]
    assert [type(each.formatter) for each in writing] == [FORMATTER["()"]]
    assert logging.getLogger("django.server").isEnabledFor(logging.INFO)


def test_every_secret_in_a_path_is_masked():
    """S12: a new page whose address is a key must be masked, too."""
    patterns = [each for each in get_resolver().url_patterns if isinstance(each, URLPattern)]
    secrets = [each for each in patterns if {"token", "key", "secret"} & each.pattern.converters.keys()]
    assert len(secrets) > 10
    for each in secrets:
        route = "/" + str(each.pattern)
        for name in each.pattern.converters:
            route = route.replace(f"<str:{name}>", "abcSECRET").replace(f"<slug:{name}>", "abcSECRET")
        for written in (route, route.replace("/", "//"), route.upper()):
            assert "SECRET" in written and "SECRET" not in mask(f"Not Found: {written}"), written


def test_mail_files_are_for_us_only(tmp_path):
    """S12: the links in a mail are credentials."""
    EmailBackend(file_path=tmp_path).send_messages([EmailMessage("Alert", "link", "a@x.org", ["b@x.org"])])
    [file] = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600 and b"link" in file.read_bytes()
