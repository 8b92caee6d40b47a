"""Edits, verbs and repeated forms at the same time, with real threads and real transactions."""

import re
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from dispatching.models import Alert
from schedules.models import Submission, User
from schedules.refused import Refused
from stakeholders.definitions import defining
from stakeholders.models import Bracket, Message, NotificationDefinition, Outage, Update
from stakeholders.news import outages
from tests.api import client_of
from tests.browser import browser_of, form_in
from tests.races import behind, during, together
from tests.stakeholders.organisation import SHOW, Stakeholders
from tests.world import World

HOUR = timedelta(hours=1)
FINE = {200, 201, 202, 302, 400, 409}


@pytest.fixture
def outside(transactional_db) -> Stakeholders:
    made = Stakeholders(World(datetime.now(UTC)))
    made.subscriber("ann", "7")
    return made


@pytest.fixture
def coach(outside) -> User:
    return User.objects.create_superuser("coach")


def api_of(user: User):
    client = client_of(user)
    client.raise_request_exception = False
    return client


def desk_of(user: User):
    browser = browser_of(user)
    browser.raise_request_exception = False
    return browser


def page(thing: Outage | Alert) -> str:
    return f"/admin/{thing._meta.label_lower.replace('.', '/')}/{thing.pk}"


class Course:
    """What one person does, one thing after the other, and what they were answered."""

    def __init__(self, user: User):
        self.api, self.desk = api_of(user), desk_of(user)
        self.statuses: list[int] = []
        self.kept = ""  # what was last accepted

    def note(self, answer, value: str = "", *, good: int = 200) -> None:
        self.statuses.append(answer.status_code)
        if value and answer.status_code == good:
            self.kept = value

    def patch(self, outage: Outage, column: str) -> None:
        for number in range(28):
            value = f"{column} {number}"
            self.note(self.api.patch(f"outages/{outage.pk}/", {column: value}), value)

    def fill_in(self, outage: Outage) -> None:
        """Edits by form; what somebody else has changed since the form was opened is refused, and the page shown again."""
        for number in range(18):
            form = form_in(self.desk.get(f"{page(outage)}/change/"), "outage_form")
            value = ("error", "critical")[number % 2] if "severity" in form else ""
            self.note(self.desk.post(f"{page(outage)}/change/", form | {"severity": value}), value, good=302)

    def speak(self, outage: Outage) -> None:
        soon = (datetime.now(UTC) + HOUR).isoformat()
        for _ in range(3):
            body = {"text": "We are at it.", "next_update_by": soon}
            self.note(self.api.post(f"outages/{outage.pk}/updates/", body))
        self.note(self.api.post(f"outages/{outage.pk}/end/", {"text": "It works again."}))

    def write(self, outage: Outage) -> None:
        words = {"text": "We are at it.", "next_update_by": "2030-01-01T12:00", "late_reason": "x", "send": "1"}
        for kind in ("announcement", "progress", "end"):
            self.note(self.desk.post(f"{page(outage)}/write/{kind}/", words))
            self.note(self.desk.post(f"{page(outage)}/verb/nothing_new/"))


def test_a_hundred_edits_beside_announce_update_and_end_lose_nothing(outside, coach):
    """bB3, S5, Must show 4: by form and by API; each writer's last edit is there, and nothing that was ended is open again."""
    outage = outside.outage()
    columns = ["said_geography", "said_products", "priority_reason"]
    writers = {column: Course(coach) for column in columns}
    forms, speaker, desk = Course(coach), Course(coach), Course(coach)
    edits = [partial(writer.patch, outage, column) for column, writer in writers.items()]
    together(*edits, *(partial(act, outage) for act in (forms.fill_in, speaker.speak, desk.write)))

    editors = [*writers.values(), forms]
    assert sum(len(course.statuses) for course in editors) >= 100
    statuses = {status for course in [*editors, speaker, desk] for status in course.statuses}
    assert statuses <= FINE | {404}, "404: the form for a kind that this state does not allow"
    saved = Outage.objects.get()
    assert (saved.state, saved.next_update_by, saved.due_at) == ("ended", None, None)
    assert saved.ended_at and saved.announced_at
    kinds = list(Update.objects.order_by("pk").values_list("kind", flat=True))
    assert kinds[0] == "announcement" and kinds[-1] == "end" and set(kinds[1:-1]) <= {"progress"}
    assert Bracket.objects.get().state == "closed" and Message.objects.count() == len(kinds)
    assert {column: getattr(saved, column) for column in columns} == {c: w.kept for c, w in writers.items()}
    assert saved.severity == forms.kept


def announce(outage: Outage) -> Update:
    return outages.announce(outage, "We are at it.", next_update_by=outage.started_at + HOUR, now=outage.started_at)


def end(outage: Outage) -> Update | None:
    return outages.end(outage, "It works again.", now=outage.started_at)


def dismiss(outage: Outage) -> Outage:
    return outages.dismiss(outage, "A false alarm.", now=outage.started_at)


def nothing_new(outage: Outage) -> Update:
    return outages.nothing_new(outage, now=outage.started_at)


@pytest.mark.parametrize(
    ("before", "verbs", "refused"),
    [
        ([], [announce, announce], {1}),
        ([], [announce, dismiss], {1}),
        ([announce], [end, end], {1}),
        ([announce], [nothing_new, end], {0, 1}),
    ],
)
def test_a_verb_decides_by_what_it_reads_under_the_lock(outside, before, verbs, refused):
    """I2: two that wait for the same lock; what has ended says nothing more, and nothing is said twice."""
    outage = outside.outage()
    for verb in before:
        verb(outage)
    calls = [partial(verb, Outage.objects.get()) for verb in verbs]
    answers = behind(outage, *calls)
    assert sum(isinstance(answer, Refused) for answer in answers) in refused
    outage.refresh_from_db()
    kinds = list(outage.updates.order_by("pk").values_list("kind", flat=True))
    assert len(kinds) == len(set(kinds)) == Message.objects.count()
    ended = outage.state == "ended"
    assert ended == (end in verbs or dismiss in verbs and not kinds) == (outage.due_at is None)
    assert (outage.announced_at is not None) == bool(kinds) and "end" not in kinds[:-1]


def test_a_hundred_events_beside_acknowledge_and_resolve_lose_nothing(outside, coach):
    """Must show 4: by integration, form and API."""
    service = outside.world.service(outside.world.policy((HOUR, outside.world.person("ana"))))
    event = {"action": "trigger", "dedup_key": "k", "summary": "log-on is down"}
    source, api, desk = Course(coach), Course(coach), Course(coach)

    def fire(times: int = 25) -> None:
        for _ in range(times):
            source.note(desk_of(coach).post(f"/integrations/{service.key}/events/", event, "application/json"))

    fire(1)
    alert = Alert.objects.get()

    def call() -> None:
        for verb in ("acknowledge", "escalate", "resolve") * 2:
            api.note(api.api.post(f"alerts/{alert.pk}/{verb}/"))

    def press() -> None:
        for verb in ("acknowledge", "escalate_now", "resolve") * 2:
            desk.note(desk.desk.post(f"{page(alert)}/verb/{verb}/"))

    together(fire, fire, fire, fire, call, press)
    assert set(source.statuses) == {202} and {*api.statuses, *desk.statuses} <= FINE
    assert sum(Alert.objects.values_list("occurrences", flat=True)) == len(source.statuses) == 101
    assert Alert.objects.exclude(state="resolved").count() <= 1
    assert Alert.objects.order_by("pk")[0].state == "resolved"
    assert not Alert.objects.exclude(state="triggered").filter(escalations__due_at__isnull=False).exists()


def test_a_form_sent_five_times_is_one_message(outside, coach):
    """S11, K29: at the desk, by the button “no news yet”, and a new outage."""
    outage = outside.outage()
    outside.announce(outage)
    desk = browser_of(coach)
    url = f"{page(outage)}/write/progress/"
    shown = form_in(desk.get(url), "write")
    words = shown | {
        "text": "Half of it works again.",
        "next_update_by": "2030-01-01T12:00",
        "late_reason": "x",
        "send": "1",
    }
    statuses: list[int] = []
    assert words["csrfmiddlewaretoken"]
    together(*[lambda: statuses.append(desk_copy(desk).post(url, words).status_code)] * 5)
    assert statuses == [302] * 5
    assert outage.updates.filter(kind="progress").count() == 1

    token = re.search(
        r'verb/nothing_new_again/"><input type="hidden" name="csrfmiddlewaretoken" value="(\w+)"', text_of(desk, outage)
    )
    assert token
    button = {"csrfmiddlewaretoken": token[1]}
    together(*[lambda: desk_copy(desk).post(f"{page(outage)}/verb/nothing_new_again/", button)] * 5)
    assert outage.updates.filter(kind="progress").count() == 2

    add = "/admin/stakeholders/outage/add/"
    form = form_in(desk.get(add), "outage_form") | {
        "title": "Twice",
        "started_at_0": "2026-01-01",
        "started_at_1": "09:00",
    }
    together(*[lambda: desk_copy(desk).post(add, form)] * 3)
    assert Outage.objects.filter(title="Twice").count() == 1

    # The page shown anew is another form, and what was refused can be sent again.
    again = form_in(desk.get(url), "write") | {
        key: words[key] for key in ("text", "next_update_by", "late_reason", "send")
    }
    assert desk.post(url, again | {"text": ""}).status_code == 200
    assert desk.post(url, again).status_code == 302
    assert outage.updates.filter(kind="progress").count() == 3


def text_of(desk, outage) -> str:
    return " ".join(desk.get(f"{page(outage)}/change/").content.decode().split())


def desk_copy(desk):
    """The same session on another connection of the browser."""
    copy = type(desk)()
    copy.cookies = desk.cookies
    return copy


def test_the_api_takes_an_idempotency_key(outside, coach):
    """S11: the same request twenty times is one message with one answer; another request with the key is 422."""
    outage = outside.outage()
    outside.announce(outage)
    url, body = (
        f"outages/{outage.pk}/updates/",
        {"text": "We are at it.", "next_update_by": (datetime.now(UTC) + HOUR).isoformat()},
    )
    answers: list = []

    def post() -> None:
        for _ in range(4):
            answers.append(api_of(coach).post(url, body, HTTP_IDEMPOTENCY_KEY="k1"))

    together(*[post] * 5)
    assert {(answer.status_code, answer.json()["id"]) for answer in answers} == {
        (201, Update.objects.get(kind="progress").pk)
    }
    api = api_of(coach)
    assert api.post(url, body | {"text": "Other."}, HTTP_IDEMPOTENCY_KEY="k1").status_code == 422
    assert api.post(url, body, HTTP_IDEMPOTENCY_KEY="x" * 256).status_code == 400
    other = api_of(User.objects.create_superuser("other"))
    assert other.post(url, body, HTTP_IDEMPOTENCY_KEY="k1").status_code == 201, "everybody has their own keys"
    refused = [
        api.post(url, {**body, "next_update_by": past}, HTTP_IDEMPOTENCY_KEY="k2")
        for past in ["2020-01-01T00:00:00Z"] * 2
    ]
    assert [answer.status_code for answer in refused] == [400, 400] and Submission.objects.count() == 2
    ends = [api.post(f"outages/{outage.pk}/end/", {"text": "Over."}, HTTP_IDEMPOTENCY_KEY="k3") for _ in range(2)]
    assert [answer.json()["state"] for answer in ends] == ["ended"] * 2
    declared = [api.post("outages/", {"title": "Once"}, HTTP_IDEMPOTENCY_KEY="k4").json()["id"] for _ in range(2)]
    assert len(set(declared)) == 1 and Outage.objects.filter(title="Once").count() == 1


def test_two_alerts_that_two_sweeps_match_at_the_same_time_are_one_outage(outside):
    """The definition's lock decides; the second sweep leaves it to the first, or to its own next time."""
    world = outside.world
    service = world.service(world.policy((HOUR, world.person("ana"))), name="Uploads")
    words = {"title": "Uploads fail", "text": "x", "why_major": "x", "why_needed": "x", "what_they_do": "x"}
    definition = NotificationDefinition.objects.create(name="Uploads", service=service.service, mode="semi", **words)
    defining.put_live(definition, now=world.now)
    about = {"deployment": SHOW, "product": "A", "priority": 2}
    world.trigger(service, "a", **about)

    def both() -> int:
        world.trigger(service, "b", **about)
        return defining.match_due(world.now)

    assert during(lambda: defining.match_due(world.now), both) == 0
    assert defining.match_due(world.now) == 1
    assert Outage.objects.get().alerts.count() == 2
