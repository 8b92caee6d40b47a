"""No secret in a log (K13)."""

import pytest

from config.logs import mask


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("GET /a/WzEsMV0:1x:abc/ 200", "GET /a/…/ 200"),
        ("POST /integrations/0123abcd/events/", "POST /integrations/…/events/"),
        ("https://t.example/unsubscribe/tok?x=1", "https://t.example/unsubscribe/…?x=1"),
        ("GET /admin/dispatching/alert/1/", "GET /admin/dispatching/alert/1/"),
    ],
)
def test_tokens_in_paths_are_masked(text, masked):
    assert mask(text) == masked
