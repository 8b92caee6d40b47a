"""The REST API as an outsider meets it: a token, JSON, status codes."""

import secrets
from datetime import UTC, datetime

from rest_framework.test import APIClient

from schedules.models import ApiToken, User
from schedules.models.tokens import key_hash

PAST, NEVER = datetime(2000, 1, 1, tzinfo=UTC), datetime(2190, 1, 1, tzinfo=UTC)


class Client(APIClient):
    """Speaks JSON; paths are below /api/v1/."""

    def generic(self, method, path, *args, **kwargs):
        return super().generic(method, f"/api/v1/{path}", *args, **kwargs)


def client_of(user: User) -> Client:
    client = Client()
    client.default_format = "json"
    client.credentials(HTTP_AUTHORIZATION=f"Token {token_of(user)}")
    return client


def token_of(user: User, **more) -> str:
    """A token that seems used already, so that its use writes nothing."""
    key = secrets.token_hex(16)
    usual = {"name": "tests", "scope": "write", "created_at": PAST, "expires_at": NEVER, "last_used_at": NEVER}
    ApiToken.objects.create(user=user, key_hash=key_hash(key), **{**usual, **more})
    return key
