"""Log-in to the API with a token."""

from datetime import datetime, timedelta

from django.db.models import Q
from rest_framework.authentication import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from schedules import clock
from schedules.models import ApiToken, User
from schedules.models.tokens import key_hash

WRONG = "This token is wrong, has ended or was revoked."
USED = timedelta(hours=1)  # last_used_at is not written more often


class ScopedTokenAuthentication(TokenAuthentication):
    """The framework's header `Authorization: Token …`, with our tokens: hashed, with an end and a scope (S14, K24)."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        login = super().authenticate(request)
        if login and login[1].scope == ApiToken.Scope.READ and request.method not in SAFE_METHODS:
            raise PermissionDenied("This token may only read.")
        return login

    def authenticate_credentials(self, key: str) -> tuple[User, ApiToken]:
        now = clock.now()
        tokens = ApiToken.objects.select_related("user").filter(user__is_active=True, expires_at__gt=now)
        token = tokens.filter(key_hash=key_hash(key)).first()
        if token is None:
            raise AuthenticationFailed(WRONG)
        _used(token, now)
        return token.user, token


def _used(token: ApiToken, now: datetime) -> None:
    before = now - USED
    if token.last_used_at is None or token.last_used_at <= before:
        old = ApiToken.objects.filter(Q(last_used_at=None) | Q(last_used_at__lte=before), pk=token.pk)
        old.update(last_used_at=now)
