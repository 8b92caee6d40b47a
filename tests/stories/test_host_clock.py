"""A host whose clock is an hour wrong: whatever is done there writes the rows that a host with a right clock writes (E1)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import models, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dispatching.alerts import lifecycle, links
from dispatching.contact import links as contact_links
from schedules import clock
from schedules.arrangements import swapping
from schedules.models import Override, User
from tests.api import client_of
from tests.browser import browser_of
from tests.stakeholders.organisation import Stakeholders
from tests.world import World, quietly

HOUR = timedelta(hours=1)
WRONG = {"an hour fast": HOUR, "an hour slow": -HOUR}
# Far less than the hour; the forms of the admin know whole minutes only.
SLACK = timedelta(seconds=90)


class Cast:
    """Something to act on, arranged while the host's clock is right."""

    def __init__(self) -> None:
        self.now = clock.now()
        self.world = world = World(self.now)
        self.ana, self.bo = world.person("ana"), world.person("bo")
        self.alert = world.trigger(world.service(world.policy((HOUR, self.ana), (2 * HOUR, self.bo))))
        self.over = world.trigger(world.service(world.policy((HOUR, self.ana))))
        lifecycle.resolve(self.over, now=self.now)
        self.outside = Stakeholders(world)
        self.reader = self.outside.subscriber("ann", "1")
        self.group = self.outside.group("Europe", None, None, openness="everyone")
        self.new, self.told = self.outside.outage(what="A"), self.outside.outage(what="A")
        self.outside.announce(self.told)
        [self.main] = world.weekly(self.ana, self.bo, positions=1)
        span = {"start": self.now - 2 * HOUR, "end": self.now + 5 * HOUR}
        self.shift = Override.objects.create(schedule=self.main, user=self.ana, **span)
        self.swap = swapping.ask(self.main, self.ana, self.now + HOUR, span["end"], now=self.now)
        coach = User.objects.create_superuser("coach")
        # Django dates a log-in by the host's clock: it is no act of ours.
        self.coach, self.anas, self.bos = (browser_of(user) for user in (coach, self.ana, self.bo))
        self.api = client_of(coach)


# --- what is done, by surface ------------------------------------------------------------------------------------------


def press(label: str, name: str, of: str) -> Callable[[Cast], object]:
    """A button of the admin."""
    return lambda cast: cast.coach.post(reverse(f"admin:{label}_verb", args=[getattr(cast, of).pk, name]))


def write(kind: str, of: str) -> Callable[[Cast], object]:
    """The form in the admin, sent with the times that it proposes."""

    def act(cast: Cast) -> object:
        path = reverse("admin:stakeholders_outage_write", args=[getattr(cast, of).pk, kind])
        form = cast.coach.get(path).context["form"]
        proposed = {name: form[name].value() for name in ("next_update_by", "over_since") if name in form.fields}
        return cast.coach.post(path, {"text": "No uploads.", "send": "1", **proposed})

    return act


def declare(cast: Cast) -> object:
    """By API, without saying since when."""
    return cast.api.post("outages/", {"title": "Log-on fails", "priority": 2})


def update(of: str) -> Callable[[Cast], object]:
    def act(cast: Cast) -> object:
        said = {"text": "No uploads.", "next_update_by": (cast.now + 3 * HOUR).isoformat()}
        return cast.api.post(f"outages/{getattr(cast, of).pk}/updates/", said)

    return act


def end_by_api(cast: Cast) -> object:
    return cast.api.post(f"outages/{cast.told.pk}/end/", {"text": "Over."})


def alert_by_link(verb: str, of: str = "alert") -> Callable[[Cast], object]:
    return lambda cast: Client().post(path_of(links.link(getattr(cast, of), cast.ana.recipient)), {"do": verb})


def alert_by_api(verb: str, of: str = "alert") -> Callable[[Cast], object]:
    return lambda cast: client_of(cast.ana).post(f"alerts/{getattr(cast, of).pk}/{verb}/")


def import_file(cast: Cast) -> object:
    """One who has consented, and one who is asked."""
    lines = "address,group,consent\na@example.org,Europe,by letter\nb@example.org,Europe,\n"
    file = SimpleUploadedFile("s.csv", lines.encode())
    return cast.coach.post(reverse("admin:stakeholders_subscription_import"), {"file": file})


def subscribe_oneself(cast: Cast) -> object:
    form = {"point": point_of(cast.bo).pk, "groups": [cast.group.pk], "kinds": "all"}
    return cast.bos.post(reverse("subscribe"), form)


def subscribe_by_form(cast: Cast) -> object:
    form = {"channel": "email", "address": "new@example.org", "groups": [cast.group.pk], "kinds": "all"}
    return Client().post(reverse("subscribe"), form)


def subscribe_by_api(cast: Cast) -> object:
    wish = {"contact_point": point_of(cast.bo).pk, "group": cast.group.pk}
    return client_of(cast.bo).post("subscriptions/", wish)


def unsubscribe_by_link(cast: Cast) -> object:
    url = contact_links.url("unsubscribe", cast.reader)
    return Client().post(path_of(url))


def unsubscribe_by_api(cast: Cast) -> object:
    return cast.api.delete(f"subscriptions/{cast.reader.subscriptions.get().pk}/")


def ask_for_swap_on_page(cast: Cast) -> object:
    """Of a shift that runs the rest is asked: from now on."""
    turn = {"start": cast.shift.start.isoformat(), "end": cast.shift.end.isoformat()}
    return cast.anas.post(reverse("mine"), {"do": "ask-anyone", "schedule": cast.main.pk, **turn})


def ask_for_swap_by_api(cast: Cast) -> object:
    turn = {"start": cast.shift.start.isoformat(), "end": cast.shift.end.isoformat()}
    return client_of(cast.ana).post("swap-requests/", {"schedule": cast.main.pk, **turn})


def accept_swap_on_page(cast: Cast) -> object:
    return cast.bos.post(reverse("mine"), {"do": "accept", "id": cast.swap.pk})


def accept_swap_by_api(cast: Cast) -> object:
    return client_of(cast.bo).post(f"swap-requests/{cast.swap.pk}/accept/")


def link_calendar_on_page(cast: Cast) -> object:
    return cast.anas.post(reverse("mine"), {"do": "make-link"})


def link_calendar_by_api(cast: Cast) -> object:
    return client_of(cast.ana).post("calendar-links/", {"user": "ana"})


def link_calendar_in_admin(cast: Cast) -> object:
    return cast.coach.post(reverse("admin:schedules_calendarlink_add"), {"user": cast.ana.pk})


def point_of(user: User):
    return user.recipient.contact_points.get()


def path_of(url: str) -> str:
    return urlsplit(url).path


ALERT, OUTAGE, SUBSCRIPTION = "dispatching_alert", "stakeholders_outage", "stakeholders_subscription"
ACTS: dict[str, dict[str, Callable[[Cast], object]]] = {
    "acknowledge": {
        "admin": press(ALERT, "acknowledge", "alert"),
        "page": alert_by_link("acknowledge"),
        "API": alert_by_api("acknowledge"),
    },
    "escalate": {"admin": press(ALERT, "escalate_now", "alert"), "API": alert_by_api("escalate")},
    "resolve": {
        "admin": press(ALERT, "resolve", "alert"),
        "page": alert_by_link("resolve"),
        "API": alert_by_api("resolve"),
    },
    "reopen": {
        "admin": press(ALERT, "reopen", "over"),
        "page": alert_by_link("reopen", "over"),
        "API": alert_by_api("reopen", "over"),
    },
    "declare": {"API": declare},
    "announce": {"admin": write("announcement", "new"), "API": update("new")},
    "update": {"admin": write("progress", "told"), "API": update("told")},
    "nothing new": {"admin": press(OUTAGE, "nothing_new", "told")},
    "end": {"admin": write("end", "told"), "API": end_by_api},
    "subscribe": {"admin": import_file, "page": subscribe_oneself, "form": subscribe_by_form, "API": subscribe_by_api},
    "unsubscribe": {"page": unsubscribe_by_link, "API": unsubscribe_by_api},
    "ask for a swap": {"page": ask_for_swap_on_page, "API": ask_for_swap_by_api},
    "accept a swap": {"page": accept_swap_on_page, "API": accept_swap_by_api},
    "link a calendar": {
        "admin": link_calendar_in_admin,
        "page": link_calendar_on_page,
        "API": link_calendar_by_api,
    },
}

# --- what it writes ----------------------------------------------------------------------------------------------------

Rows = dict[tuple[str, int], dict[str, object]]


def rows() -> Rows:
    """All of ours: their instants and their states. Of other fields, many are keys or words with a time in them."""
    found: Rows = {}
    for app in ("schedules", "dispatching", "stakeholders"):
        for model in apps.get_app_config(app).get_models():
            fields = [field for field in model._meta.concrete_fields if _counts(field)]
            for pk, *values in model._base_manager.order_by("pk").values_list("pk", *(field.name for field in fields)):
                found[model.__name__, pk] = {field.name: value for field, value in zip(fields, values, strict=True)}
    return found


def _counts(field: models.Field) -> bool:
    return isinstance(field, models.DateTimeField) or bool(field.choices)


def written(act: Callable[[Cast], object], cast: Cast) -> list[tuple[str, dict[str, object]]]:
    """The new and changed rows; instants as what lies between them and the database's clock. They are taken back."""
    before, now = rows(), clock.now()
    with transaction.atomic():
        answer: Any = act(cast)
        after = rows()
        transaction.set_rollback(True)
    assert answer.status_code < 400, answer.content.decode()
    return [
        (model, {name: value - now if isinstance(value, datetime) else value for name, value in row.items()})
        for (model, pk), row in after.items()
        if before.get((model, pk)) != row
    ]


def same(one: object, other: object) -> bool:
    if isinstance(one, timedelta) and isinstance(other, timedelta):
        return abs(one - other) < SLACK
    return one == other


@pytest.fixture(scope="module")
def lasting_cast(lasting) -> Cast:
    with lasting(), quietly():
        return Cast()


@pytest.fixture
def cast(lasting_cast: Cast, db) -> Cast:
    return lasting_cast


@pytest.mark.parametrize("off", WRONG)
@pytest.mark.parametrize(("verb", "surface"), [(verb, surface) for verb in ACTS for surface in ACTS[verb]])
def test_it_writes_what_a_host_with_a_right_clock_writes(cast, time_machine, verb, surface, off):
    """E1; bA2: “Escalate now” in the admin, and an acknowledgement by a link, went by the clock of the web host"""
    act = ACTS[verb][surface]
    right = written(act, cast)
    time_machine.move_to(timezone.now() + WRONG[off], tick=True)
    wrong = written(act, cast)
    assert right and [model for model, _ in right] == [model for model, _ in wrong]
    assert [
        f"{model}.{name}: {there[name]} instead of {value}"
        for (model, here), (_, there) in zip(right, wrong, strict=True)
        for name, value in here.items()
        if not same(value, there[name])
    ] == []
