"""Django's sessions in the database; the session of somebody who is active goes on, an idle one ends (S8)."""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.utils import timezone

SELDOM = 20  # a session is renewed at most so often within its length, so that few pages write a row


class SessionStore(db.SessionStore):
    """Django looks for this name; SESSION_COOKIE_AGE after the last page that was opened, the session ends."""

    def _get_session_from_db(self) -> Session | None:
        session = super()._get_session_from_db()  # type: ignore[misc]  # the stubs lack it
        length = timedelta(seconds=settings.SESSION_COOKIE_AGE)
        if session and session.expire_date < timezone.now() + length * (SELDOM - 1) / SELDOM:
            self.modified = True
        return session


def clear(_: datetime) -> None:
    """Deletes the sessions that have ended. The host's clock decides, because Django dates them by it."""
    SessionStore.clear_expired()
