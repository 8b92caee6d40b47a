"""Parks rows that cannot be handled, each for itself and with back-off, so that they hold up no others (faults A15).

A parked row is left out until it is due again. Nothing is written to the row itself. Health is red meanwhile.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cached_property

import structlog
from django.db import transaction
from django.db.models import BigIntegerField, QuerySet
from django.db.models.functions import Cast, Substr

from dispatching.models import Parked

log = structlog.get_logger(__name__)
FIRST, LONGEST = timedelta(seconds=10), timedelta(minutes=5)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


class Rows:
    """The rows of one kind that a part of the work handles at `now`."""

    def __init__(self, kind: str, now: datetime) -> None:
        self._prefix, self._now = f"{kind}/", now

    @cached_property
    def _known(self) -> dict[str, Parked]:
        parked = Parked.objects.filter(key__startswith=self._prefix)
        return {each.key.removeprefix(self._prefix): each for each in parked}

    @property
    def waiting(self) -> QuerySet[Parked, int]:
        """The ids of the parked rows that are not to be tried yet, of a kind with one number each.

        It is part of the query for the rows, so that it costs none of its own.
        """
        parked = Parked.objects.filter(key__startswith=self._prefix, due_at__gt=self._now)
        row = Cast(Substr("key", len(self._prefix) + 1), BigIntegerField())
        return parked.annotate(row=row).values_list("row", flat=True)

    def due(self, *pk: object) -> bool:
        """Whether the row with this id is to be tried."""
        parked = self._known.get(_id(pk))
        return parked is None or parked.due_at <= self._now

    def handle(self, pk: object, work: Callable[..., int], *args: object) -> int:
        """Returns what `work(*args)` returns, which a transaction of its own encloses. If it raises, parks the row: returns 0."""
        key = _id(pk if isinstance(pk, tuple) else (pk,))
        try:
            with transaction.atomic():
                done = work(*args)
        except Exception as error:  # the other rows do not depend on this one
            log.exception("row_parked", row=f"{self._prefix}{key}", error=type(error).__name__)
            self._park(key)
            return 0
        if key in self._known:
            Parked.objects.filter(pk=f"{self._prefix}{key}").delete()
        return done

    def _park(self, key: str) -> None:
        known, now = self._known.get(key), self._now
        failures = known.failures + 1 if known else 1
        due_at = now + min(FIRST * 2 ** min(failures - 1, 10), LONGEST)
        values = {"failures": failures, "due_at": due_at}
        self._known[key], _ = Parked.objects.update_or_create(
            pk=f"{self._prefix}{key}", defaults=values, create_defaults={**values, "since": now}
        )


def failing(now: datetime) -> int:
    """How many rows have failed for more than a minute. One that has not been tried when it was due is no longer needed."""
    return Parked.objects.filter(since__lte=now - MINUTE, due_at__gt=now - MINUTE).count()


def forget(now: datetime) -> int:
    """Deletes the records of rows that are no longer tried; returns how many."""
    return Parked.objects.filter(due_at__lt=now - DAY).delete()[0]


def _id(parts: tuple[object, ...]) -> str:
    return "/".join(map(str, parts))
