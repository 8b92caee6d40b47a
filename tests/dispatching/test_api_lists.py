"""What holds for every list of the REST API; a resource without a row here fails (faults O11)."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.api import router
from dispatching.models import ContactPoint, ContactRule, Notice, Priority
from dispatching.notices import notices
from schedules.models import Absence, CalendarFeed, CalendarLink, HandoverNote, Override, SwapRequest, User
from stakeholders.models import (
    Deployment,
    NotificationDefinition,
    Outage,
    Product,
    StakeholderGroup,
    StakeholderRing,
    Subscription,
)
from stakeholders.news import outages
from tests.api import Client

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)

JUNK = {
    "teams": ["member=abc", "name=%00"],
    "users": ["is_active=perhaps", "group=abc", "username=%00"],
    "groups": ["member=1.5", "name=%00"],
    "rotations": ["team=abc", "name=%00"],
    "schedules": ["team=1e400", "name=%00"],
    "calendar-feeds": ["team=abc", "name=%00"],
    "calendar-links": [],
    "overrides": ["since=garbage", "until=2024-03-10T02:30:00", "user=abc", "schedule=abc"],
    "absences": ["since=garbage", "until=2024-03-10T02:30:00", "user=abc", "username=%00"],
    "swap-requests": ["since=garbage", "until=x", "schedule=abc", "asked=abc", "asked_by=%00", "state=open"],
    "handover-notes": ["since=garbage", "until=x", "schedule=abc", "by=%00"],
    "priorities": ["level=abc"],
    "services": ["team=abc", "escalation_policy=--", "name=%00"],
    "integrations": ["enabled=2", "service=abc", "name=%00"],
    "contact-points": ["verified=perhaps", "user=abc", "channel=%00"],
    "contact-rules": ["contact_point=abc", "user=abc"],
    "escalation-policies": ["team=abc", "name=%00"],
    "alerts": [
        *("state=open", "severity=bad", "priority=high", "service=%00", "service_id=abc", "dedup_key=%00"),
        *("since=garbage", "since=10000-01-01", "until=2024-03-10T02:30:00", "state=%00", "since=%00"),
    ],
    "notices": ["kind=page", "username=%00", "sent=perhaps", "since=garbage"],
    "notification-definitions": ["live=perhaps", "name=%00", "service=%00"],
    "outages": ["state=on", "high_profile=perhaps", "priority=high", "since=garbage"],
    "deployments": ["name=%00"],
    "products": ["name=%00"],
    "rings": ["number=abc", "boundary=outside"],
    "stakeholder-groups": [
        *("name=%00", "parent=abc", "owner=abc", "openness=all", "deployment=abc", "product=1.5", "past_review=2"),
    ],
    "subscriptions": ["state=on", "group=abc", "contact_point=1.5", "address=%00"],
    "deliveries": ["state=open", "channel=%00", "alert=abc", "since=garbage", "username=%00"],
}
NOUNS = sorted(JUNK)
every_list = pytest.mark.parametrize("noun", NOUNS)


def fill(world, count: int, mark: str) -> None:
    """So many rows of everything; `mark` keeps names apart."""
    for n in range(count):
        name = f"{mark}{n}"
        user = world.person(name)
        ContactRule.objects.create(contact_point=ContactPoint.objects.get(recipient__user=user))
        team = world.team(name, user, manager=user)
        group = Group.objects.create(name=f"group {name}")
        group.user_set.add(user)
        [main] = world.weekly(user, user, positions=1)
        CalendarFeed.objects.create(name=name, team=team, url="https://example.com/team.ics")
        CalendarLink.objects.create(owner=User.objects.get(username="coach"), team=team)
        Override.objects.create(schedule=main, user=user, start=world.now, end=world.now + HOUR)
        Absence.objects.create(user=user, start=world.now, end=world.now + HOUR)
        SwapRequest.objects.create(
            schedule=main, asked_by=user, start=world.now, end=world.now + HOUR, created_at=world.now, answered_by=user
        ).overrides.set(main.overrides.all())
        HandoverNote.objects.create(schedule=main, by=user, at=world.now, text="x")
        monitoring = world.service(world.policy((HOUR, main, user), (HOUR, team, group)), name=name)
        world.trigger(monitoring, name)
        words = dict.fromkeys(("title", "text", "why_major", "why_needed", "what_they_do"), "x")
        NotificationDefinition.objects.create(name=name, service=monitoring.service, **words)
        outages.declare(Outage(title=name, started_at=world.now), now=world.now)
        notices.tell(user, name, Notice.Kind.REMINDER, "Your shift", {"start": world.now}, now=world.now)
        StakeholderRing.objects.create(number=StakeholderRing.objects.count() + 1, name=name)
        stakeholders = StakeholderGroup.objects.create(name=name, purpose="x", owner=user)
        stakeholders.deployments.add(Deployment.objects.create(name=name))
        stakeholders.products.add(Product.objects.create(name=name))
        stakeholders.representatives.add(user)
        point = ContactPoint.objects.get(recipient__user=user)
        Subscription.objects.create(contact_point=point, group=stakeholders, asked_at=world.now)


def test_no_resource_is_without_a_row_o11():
    assert sorted(prefix for prefix, *_ in router.registry) == NOUNS


@every_list
def test_a_list_needs_a_login(db, noun):
    assert Client().get(f"{noun}/").status_code == 401
    assert Client().get(f"{noun}/1/").status_code == 401
    assert Client().post(f"{noun}/", {}, format="json").status_code == 401


def test_a_wrong_token_is_401(db):
    client = Client()
    client.credentials(HTTP_AUTHORIZATION="Token wrong")
    assert client.get("alerts/").status_code == 401


def test_every_list_answers_in_a_constant_number_of_queries(world, coach):
    for level in range(1, 6):
        Priority.objects.create(level=level, name=f"P{level}")

    def queries(noun: str, rows: int) -> int:
        coach.get(f"{noun}/")  # content types are remembered from the first time on
        with CaptureQueriesContext(connection) as asked:
            answer = coach.get(f"{noun}/?limit=500")
        assert len(answer.json()["results"]) >= (5 if noun == "priorities" else rows)
        return len(asked)

    fill(world, 3, "a")
    for noun in NOUNS:  # content types are asked for once a process
        queries(noun, 3)
    few = {noun: queries(noun, 3) for noun in NOUNS}
    fill(world, 27, "b")
    many = {noun: queries(noun, 30) for noun in NOUNS}
    assert many == few
    assert max(many.values()) <= 9


JUNKS = [
    (noun, query)
    for noun in NOUNS
    for query in [*JUNK[noun], "limit=abc", "limit=0", "limit=-1", "offset=abc", "offset=٣"]
]


@pytest.mark.parametrize(("noun", "query"), JUNKS)
def test_a_junk_filter_is_refused_by_name_j6_j7(coach, noun, query):
    answer = coach.get(f"{noun}/?{query}")
    assert answer.status_code == 400
    assert answer.json().keys() == {query.partition("=")[0]}


@every_list
@pytest.mark.parametrize(
    "query", ["offset=999999999999999999", "limit=999999999999999999", "limit=&offset=", "ordering=password"]
)
def test_odd_but_harmless_queries_are_answered_k16(coach, noun, query):
    assert coach.get(f"{noun}/?{query}").status_code == 200


@pytest.mark.parametrize("query", ["level=99999999999999999999", "level=-9223372036854775809", "level=7"])
def test_a_number_beyond_the_column_finds_nothing(coach, query):
    assert coach.get(f"priorities/?{query}").json()["results"] == []


@every_list
@pytest.mark.parametrize(
    "pk",
    ["١", "99999999999999999999", "999999999999999999", "-1", "1.0", "%00", "abc"],
    ids=["j13-arabic", "j20-20-digits", "18-digits", "negative", "decimal", "nul", "letters"],
)
def test_an_id_in_the_url_that_is_none_is_404_j13_j20(coach, noun, pk):
    assert coach.get(f"{noun}/{pk}/").status_code == 404


def test_an_id_in_other_digits_is_not_the_row_j13(coach):
    pk = User.objects.get(username="coach").pk
    arabic = str(pk).translate({ord("0") + n: ord("٠") + n for n in range(10)})
    assert coach.get(f"users/{pk}/").status_code == 200
    assert coach.get(f"users/{arabic}/").status_code == 404


def test_pages_follow_each_other(world, coach):
    fill(world, 3, "a")
    first = coach.get("services/?limit=2").json()
    assert (first["count"], len(first["results"])) == (3, 2)
    rest = coach.get("services/?limit=2&offset=2").json()
    assert [row["name"] for row in [*first["results"], *rest["results"]]] == ["a0", "a1", "a2"]
