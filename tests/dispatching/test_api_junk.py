"""Whatever stands in a field, the answer is a sentence and never a crash (faults J15, J16)."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Model
from rest_framework.serializers import Serializer, ValidationError

from config.api import router
from dispatching.models import ContactPoint, ContactRule, Priority
from schedules.models import Absence, CalendarFeed, Override, Schedule, User
from schedules.surfaces.api import RecordSerializer, Resource
from stakeholders.models import (
    Deployment,
    NotificationDefinition,
    Outage,
    Product,
    StakeholderGroup,
    StakeholderRing,
)
from stakeholders.news import outages
from stakeholders.subscriptions import subscribing
from tests.api import Client
from tests.sure import sure

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
NOTHING: list[Any] = [None, True, "", [], {}, [None], [{}]]
NUMBERS = [-1, 1.5, 2**31, 2**62, "1", "٣", "nan"]
TEXTS = ["x" * 20_000, "\u202e\u200b", "../../etc/passwd", "weeks", "email"]
TIMES = ["9999-12-31T23:59:59-12:00", "0001-01-01", "9999-12-31", "99999999999 00:00:00", "P9999999999D"]
JUNK = [*NOTHING, *NUMBERS, *TEXTS, *TIMES]
WRITABLE = {noun: view for noun, view, _ in router.registry if issubclass(view, Resource)}


@pytest.fixture
def everything(world):
    """One row of each kind; the coach who may write them all."""
    ana = world.person("ana")
    ContactRule.objects.create(contact_point=ContactPoint.objects.get(recipient__user=ana))
    team = world.team("Team 1", ana, manager=ana)
    Group.objects.create(name="Experts")
    [main] = world.weekly(ana, positions=1)
    CalendarFeed.objects.create(name="Team 1", team=team, url="https://example.com/team.ics")
    Absence.objects.create(user=ana, start=world.now, end=world.now + HOUR)
    Override.objects.create(schedule=main, user=ana, start=world.now, end=world.now + HOUR)
    Priority.objects.create(level=1, name="P1")
    service = world.service(world.policy((HOUR, main, ana, team)), name="Log-on").service
    words = dict.fromkeys(("title", "text", "why_major", "why_needed", "what_they_do"), "x")
    NotificationDefinition.objects.create(name="Log-on", service=service, **words)
    outages.declare(Outage(title="Log-on fails", started_at=world.now), now=world.now)
    Deployment.objects.create(name="US")
    Product.objects.create(name="A")
    StakeholderRing.objects.create(number=1, name="everyone")
    group = StakeholderGroup.objects.create(name="Sales", purpose="know", all_deployments=True, all_products=True)
    subscribing.choose(ContactPoint.objects.get(recipient__user=ana), {group: subscribing.ALL}, now=world.now)
    client = Client()
    client.default_format = "json"
    client.force_authenticate(User.objects.create_superuser("coach"))  # no token is looked up 10,000 times
    return client


@pytest.mark.parametrize("noun", WRITABLE)
def test_junk_in_every_field_is_refused_by_each_that_does_not_take_it(everything, noun):
    """All fields are read before a request is refused: one request asks them all, and the refusal names those it should."""
    obj, whole = first_of(everything, noun)
    for junk, refused in refusals(noun, obj):
        body = dict.fromkeys(fields_of(noun), junk)
        changed, made = everything.patch(f"{noun}/{obj.pk}/", body), everything.post(f"{noun}/", whole | body)
        assert changed.status_code == 400 if refused else changed.status_code in (200, 400, 409), (
            junk,
            changed.content,
        )
        assert made.status_code == 400 if refused else made.status_code in (201, 400, 409), (junk, made.content)
        if refused:  # A new row may also take what belongs to another.
            assert changed.json().keys() == refused <= made.json().keys(), junk


@pytest.mark.parametrize("noun", WRITABLE)
def test_junk_that_a_field_takes_is_taken_or_refused_but_breaks_nothing(everything, noun):
    """One field at a time, in what is as it should be but for it."""
    obj, whole = first_of(everything, noun)
    asked = refusals(noun, obj)
    for name in fields_of(noun):
        with transaction.atomic():
            for junk in [junk for junk, refused in asked if name not in refused]:
                changed = everything.patch(f"{noun}/{obj.pk}/", {name: junk})
                assert changed.status_code in (200, 400, 409), (name, junk, changed.content)
                made = everything.post(f"{noun}/", {**whole, name: junk})
                assert made.status_code in (201, 400, 409), (name, junk, made.content)
                if changed.status_code == 400:
                    # Every refusal names a field: this one, or the one that no longer fits to it.
                    assert changed.json().keys() <= {*whole, name}, changed.json()
            can_be_read(everything, noun)
            transaction.set_rollback(True)


def can_be_read(everything, noun: str) -> None:
    """What was taken can be read again, and the schedules still have an answer."""
    assert everything.get(f"{noun}/?limit=500").status_code == 200
    schedule = everything.get("schedules/").json()["results"][0]["id"]
    assert everything.get(f"schedules/{schedule}/on-call/").status_code == 200
    assert everything.get(f"schedules/{schedule}/shifts/?from=2199-01-01T00:00:00Z").status_code == 200


def first_of(everything, noun: str) -> tuple[Model, dict]:
    obj = sure(WRITABLE[noun].queryset.order_by("pk").first())  # type: ignore[union-attr]  # of any model
    return obj, everything.get(f"{noun}/{obj.pk}/").json()


def fields_of(noun: str) -> list[str]:
    return [name for name, field in serializer_of(noun).fields.items() if not field.read_only]


def serializer_of(noun: str, *args: Any, **kwargs: Any) -> RecordSerializer:
    kind = WRITABLE[noun].serializer_class
    assert kind and issubclass(kind, RecordSerializer)
    return kind(*args, **kwargs)


def refusals(noun: str, obj: Model) -> list[tuple[Any, set[str]]]:
    """Each piece of junk with the fields of this row that do not take it, whatever stands in the others."""
    request = SimpleNamespace(user=User.objects.get(username="coach"))
    serializer = serializer_of(noun, obj, partial=True, context={"request": request})
    return [(junk, refused_by_fields(serializer, dict.fromkeys(fields_of(noun), junk))) for junk in JUNK]


def refused_by_fields(serializer: Serializer, body: dict[str, Any]) -> set[str]:
    try:
        serializer.to_internal_value(body)
    except ValidationError as error:
        assert isinstance(error.detail, dict)
        return set(error.detail)
    return set()


MADE_ONLY = {
    "swap-requests": ("schedule", "asked", "start", "end", "return_start", "return_end", "note"),
    "handover-notes": ("schedule", "text"),
    "calendar-links": ("user", "schedule", "team"),
}


@pytest.mark.parametrize(("noun", "name"), [(noun, name) for noun, names in MADE_ONLY.items() for name in names])
def test_junk_in_what_can_only_be_made(everything, world, noun, name):
    schedule = Schedule.objects.get().pk
    span = {"start": (world.now + HOUR).isoformat(), "end": (world.now + 2 * HOUR).isoformat()}
    whole = {"swap-requests": {"schedule": schedule, **span}, "handover-notes": {"schedule": schedule, "text": "x"}}
    for junk in JUNK:
        answer = everything.post(f"{noun}/", {**whole.get(noun, {}), name: junk})
        assert answer.status_code in (201, 400, 409), (junk, answer.content)
