"""The REST API as an outsider meets it: a token, JSON, status codes."""

from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from schedules.models import User


class Client(APIClient):
    """Speaks JSON; paths are below /api/v1/."""

    def generic(self, method, path, *args, **kwargs):
        return super().generic(method, f"/api/v1/{path}", *args, **kwargs)


def client_of(user: User) -> Client:
    client = Client()
    client.default_format = "json"
    client.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.get_or_create(user=user)[0].key}")
    return client
