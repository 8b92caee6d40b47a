"""Nobody outside logs in with a password of the example organisation, which stands in the README (S2)."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connection

from dispatching import example
from schedules.models import User

WORDS = (
    "These people still have the password of the example organisation, and others than this machine can reach us "
    "(HOST, PUBLIC_URL): {}. Give each of them another one with `.venv/bin/python manage.py changepassword NAME`."
)


def known() -> list[str]:
    """The user names of active people of the example who still have its password."""
    people = User.objects.filter(username__in=[row[0] for row in example.PEOPLE], is_active=True)
    return [user.username for user in people if user.check_password(example.PASSWORD)]


@register(Tags.database)
def no_example_passwords(databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    if settings.ONLY_HERE or not databases or User._meta.db_table not in connection.introspection.table_names():
        return []
    names = known()
    return [Error(WORDS.format(", ".join(names)), id="tocsin.E004")] if names else []
