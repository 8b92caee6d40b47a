import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q

from schedules.models.people import User

LONGEST = 366  # days


def key_hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


class ApiToken(models.Model):
    """A key with which a program acts as a person in the API. Only a hash is kept: the key is shown once, when it is made."""

    class Scope(models.TextChoices):
        READ = "read", "only read"
        WRITE = "write", "do all that its owner may do"

    user = models.ForeignKey(User, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100, help_text="The program that uses it. For example: Grafana, nightly export.")
    scope = models.CharField(max_length=5, choices=Scope, help_text="What it may do.")
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    key_hint = models.CharField("begins with", max_length=12, editable=False)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(help_text="From then on it is refused.")
    last_used_at = models.DateTimeField(null=True, help_text="To the hour. Empty: never used.")

    class Meta:
        ordering = ("pk",)
        verbose_name = "API token"
        constraints = [
            models.CheckConstraint(condition=Q(expires_at__gt=models.F("created_at")), name="api_token_ends_later")
        ]

    def __str__(self) -> str:
        return f"{self.name}, of {self.user}"

    @classmethod
    def make(cls, user: User, name: str, scope: str, days: int, *, now: datetime) -> tuple["ApiToken", str]:
        """A new token, and its key, which cannot be read again."""
        key = f"tocsin_{secrets.token_hex(20)}"
        ends = now + timedelta(days=days)
        made = cls(user=user, name=name, scope=scope, created_at=now, expires_at=ends)
        made.key_hash, made.key_hint = key_hash(key), key[:11]
        made.save()
        return made, key
