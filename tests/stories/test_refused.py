"""Each button, page and address by which somebody can ask for an illegal move says no with a sentence, never with a 500."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from django.db import connection
from django.db.models import Model
from django.test import Client

from dispatching.alerts import lifecycle
from dispatching.alerts import links as alert_links
from dispatching.contact import links as manage_links
from dispatching.models import Alert, ContactPoint
from schedules import clock
from schedules.models import Override, Schedule, SwapRequest
from stakeholders.definitions import defining
from stakeholders.groups import changing
from stakeholders.models import ChangeRequest, NotificationDefinition, Outage, Suppression
from stakeholders.news import outages
from stakeholders.subscriptions import addresses, links, subscribing
from tests.api import client_of
from tests.architecture import Tree
from tests.browser import Page, browser_of, text
from tests.dispatching.browsers import Browser
from tests.refusals import surfaces
from tests.stakeholders.organisation import Stakeholders
from tests.world import World

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PUSH = "https://fcm.googleapis.com/fcm/send/abc"


class Cast:
    """The coach may do everything; ana is on duty, and is told of alerts; all else as a case asks for it."""

    def __init__(self) -> None:
        self.world = World(clock.now())
        self.now = self.world.now
        self.coach = self.world.person("coach", is_staff=True, is_superuser=True)
        self.ana = self.world.person("ana")
        self.api = client_of(self.coach)
        self.browser, self.mine, self.stranger = browser_of(self.coach), browser_of(self.ana), Client()
        for client in (self.api, self.browser, self.mine, self.stranger):
            client.raise_request_exception = False

    def press(self, row: Model, verb: str, **typed: str) -> Page:
        """A button in the admin, with what was typed beside it."""
        meta = row._meta
        return self.browser.post(f"/admin/{meta.app_label}/{meta.model_name}/{row.pk}/verb/{verb}/", typed, follow=True)

    @cached_property
    def alert(self) -> Alert:
        """It is over."""
        alert = self.world.trigger(self.world.service(self.world.policy((HOUR, self.ana))))
        return lifecycle.resolve(alert, now=self.now)

    @cached_property
    def main(self) -> Schedule:
        """Ana is on duty, now and always."""
        return self.world.weekly(self.ana, positions=1)[0]

    @cached_property
    def swap(self) -> SwapRequest:
        """It is asked for no more."""
        spans = {"start": self.now + HOUR, "end": self.now + DAY, "created_at": self.now}
        return SwapRequest.objects.create(schedule=self.main, asked_by=self.ana, state="withdrawn", **spans)

    def span(self, start: timedelta, end: timedelta) -> dict[str, str]:
        return {"schedule": str(self.main.pk), "start": _iso(self.now + start), "end": _iso(self.now + end)}

    @cached_property
    def outside(self) -> Stakeholders:
        return Stakeholders(self.world)

    @cached_property
    def over(self) -> Outage:
        outage = self.outside.outage()
        outages.end(outage, "It works.", now=self.now)
        return outage

    @cached_property
    def replaced(self) -> NotificationDefinition:
        """A definition of which a newer version is live."""
        service = self.world.service(self.world.policy((HOUR, self.ana))).service
        words = {"title": "t", "text": "t", "why_major": "x", "why_needed": "x", "what_they_do": "x"}
        made = NotificationDefinition.objects.create(name="Uploads", service=service, mode="semi", **words)
        defining.put_live(defining.new_version(made), now=self.now)
        return made

    def change(self) -> ChangeRequest:
        """A request to change a group, which was declined."""
        due_at = self.now + DAY
        request = changing.submit(None, what="Add C.", why="Sold together.", due_at=due_at, by=self.ana, now=self.now)
        return changing.decline(request, "Not now.", by=self.coach, now=self.now)

    @cached_property
    def point(self) -> ContactPoint:
        """Somebody's outside, subscribed to a group that is open to everyone."""
        assert self.group
        return self.outside.subscriber("ann", "7")

    @cached_property
    def group(self) -> object:
        group = self.outside.groups["7"]
        group.openness = "everyone"
        group.save()
        return group


def _iso(at) -> str:
    return at.isoformat().replace("+00:00", "Z")


@contextmanager
def quicker(than: str, act: Callable[[], object]) -> Iterator[None]:
    """Somebody else acts just before the lock is taken that this piece of SQL takes."""
    acts = [act]

    def wrapper(execute, sql, params, many, context):
        if than in sql and " FOR " in sql and acts:
            acts.pop()()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrapper):
        yield


CASES: dict[tuple[str, ...], tuple[int, str, Callable[[Cast], Page]]] = {}
# These cannot come to it: the form has asked the same, or what they do is legal by what they pass.
NEVER = {
    "stakeholders.teams.pages.own_outage",  # an outage that begins now
    "dispatching.routing.admin.IntegrationAdmin.send_test",  # an alert that nobody else has seen yet
}


def case(*names: str, status: int, says: str) -> Callable:
    def mark(act: Callable[[Cast], Page]) -> Callable[[Cast], Page]:
        CASES[names] = (status, says, act)
        return act

    return mark


# --- alerts -----------------------------------------------------------------------------------------------------------

for verb, says in [
    ("acknowledge", "is already resolved."),
    ("resolve", "is already resolved."),
    ("escalate", "Nothing is escalating"),
]:
    case(f"dispatching.alerts.api.AlertViewSet.{verb}", status=409, says=says)(
        lambda c, verb=verb: c.api.post(f"alerts/{c.alert.pk}/{verb}/")
    )
    button = "escalate_now" if verb == "escalate" else verb
    case(f"dispatching.alerts.admin.AlertAdmin.{button}", status=200, says=says)(
        lambda c, button=button: c.press(c.alert, button)
    )


@case("dispatching.alerts.api.AlertViewSet.reopen", status=409, says="is not resolved")
def _(c):
    return [c.api.post(f"alerts/{c.alert.pk}/reopen/") for _ in range(2)][1]


@case("dispatching.alerts.admin.AlertAdmin.reopen", status=200, says="is not resolved")
def _(c):
    return [c.press(c.alert, "reopen") for _ in range(2)][1]


@case("dispatching.alerts.pages._act", status=409, says="is already resolved.")
def _(c):
    return c.stranger.post(urlsplit(alert_links.link(c.alert, c.ana.recipient)).path)


# --- shifts -----------------------------------------------------------------------------------------------------------


@case("schedules.arrangements.api.HandoverNoteSerializer.create", status=409, says="has not been on duty")
def _(c):
    return c.api.post("handover-notes/", {"schedule": c.main.pk, "text": "All quiet."})


@case("schedules.arrangements.api.SwapRequestSerializer.create", status=409, says="That time has passed.")
def _(c):
    return client_of(c.ana).post("swap-requests/", c.span(-2 * HOUR, -HOUR))


for verb in ("accept", "decline", "withdraw"):
    case(f"schedules.arrangements.api.SwapRequestViewSet.{verb}", status=409, says="has already been withdrawn.")(
        lambda c, verb=verb: c.api.post(f"swap-requests/{c.swap.pk}/{verb}/")
    )
    names = (f"schedules.arrangements.pages._{verb}", "schedules.arrangements.pages._act")
    case(*names, status=200, says="has already been withdrawn.")(
        lambda c, verb=verb: c.mine.post("/on-call/mine/", {"do": verb, "id": c.swap.pk}, follow=True)
    )


@case("schedules.arrangements.pages._ask_anyone", status=200, says="That time has passed.")
def _(c):
    return c.mine.post("/on-call/mine/", {"do": "ask-anyone", **c.span(-2 * HOUR, -HOUR)}, follow=True)


@case("schedules.arrangements.pages._ask_all", status=200, says="is not on duty on")
def _(c):
    c.ana.absences.create(start=c.now + HOUR, end=c.now + DAY)
    taken = Override(schedule=c.main, user=c.coach, start=c.now, end=c.now + 2 * DAY)
    with quicker("schedules_schedule", taken.save):
        return c.mine.post("/on-call/mine/", {"do": "ask-all"}, follow=True)


@case("schedules.arrangements.pages._hand_over", status=400, says="That choice is not one of the available choices.")
def _(c):
    return c.browser.post("/on-call/mine/", {"do": "hand-over", "schedule": c.main.pk, "text": "Quiet."})


@case(
    "schedules.arrangements.pages._ask_for_swap",
    "schedules.arrangements.pages._ask",
    status=409,
    says="That time has passed.",
)
def _(c):
    return c.mine.post(f"/on-call/mine/swap/?{urlencode(c.span(-2 * HOUR, -HOUR))}", {})


# --- definitions and groups -------------------------------------------------------------------------------------------


@case("stakeholders.definitions.admin.NotificationDefinitionAdmin.put_live", status=200, says="newer version is live.")
def _(c):
    return c.press(c.replaced, "put_live")


@case(
    "stakeholders.definitions.admin.NotificationDefinitionAdmin.new_version",
    status=200,
    says="already a newer version.",
)
def _(c):
    return c.press(c.replaced, "new_version")


@case("stakeholders.definitions.api.NotificationDefinitionViewSet.live", status=409, says="newer version is live.")
def _(c):
    return c.api.post(f"notification-definitions/{c.replaced.pk}/live/")


@case("stakeholders.definitions.api.NotificationDefinitionViewSet.renew", status=409, says="already a newer version.")
def _(c):
    return c.api.post(f"notification-definitions/{c.replaced.pk}/renew/")


@case("stakeholders.definitions.api.DefinitionSerializer.validate", status=409, says="make a new version.")
def _(c):
    return c.api.patch(f"notification-definitions/{c.replaced.pk}/", {"title": "Other"})


for verb in ("accept", "decline", "finish"):
    case(f"stakeholders.groups.changes_admin.ChangeRequestAdmin.{verb}", status=200, says="it is declined")(
        lambda c, verb=verb: c.press(c.change(), verb)
    )


@case(
    "stakeholders.groups.changes_admin.ChangeRequestAdmin.tell_on_call",
    status=200,
    says="has not been accepted: it is declined",
)
def _(c):
    return c.press(c.change(), "tell_on_call")


@case("stakeholders.groups.pages.change_groups", status=400, says="That time has passed.")
def _(c):
    return c.mine.post("/stakeholders/change/", {"what": "w", "why": "w", "due_at": "2020-01-01T12:00"})


# --- outages ----------------------------------------------------------------------------------------------------------


@case("stakeholders.news.api.OutageSerializer.create", status=400, says="cannot begin in the future")
def _(c):
    return c.api.post("outages/", {"title": "t", "started_at": _iso(c.now + HOUR)})


@case("stakeholders.news.api.OutageSerializer.update", status=409, says="was dismissed")
def _(c):
    return c.api.patch(f"outages/{c.over.pk}/", {"priority": None})


@case("stakeholders.news.api.OutageViewSet.end", status=409, says="was dismissed")
def _(c):
    return c.api.post(f"outages/{c.over.pk}/end/", {"text": "over"})


@case("stakeholders.news.api.OutageViewSet.updates", status=409, says='"field":"high_profile"')
def _(c):
    words = {"text": "t", "next_update_by": _iso(c.now + HOUR)}
    return c.api.post(f"outages/{c.outside.outage(high_profile=False).pk}/updates/", words)


@case("stakeholders.news.admin.OutageAdmin.nothing_new", status=200, says="the announcement comes first.")
def _(c):
    return c.press(c.outside.outage(), "nothing_new")


@case("stakeholders.news.api.OutageViewSet.dismiss", status=409, says="must hear that it is over")
def _(c):
    outage = c.outside.outage()
    c.outside.announce(outage)
    return c.api.post(f"outages/{outage.pk}/dismiss/", {"reason": "a drill"})


@case("stakeholders.news.api.OutageViewSet.projection", status=400, says="in the future")
def _(c):
    return c.api.post(f"outages/{c.outside.outage().pk}/projection/", {"recovery_at": "2020-01-01T00:00:00Z"})


@case("stakeholders.news.admin.OutageAdmin.project", status=200, says="Expected recovery: This is not a date")
def _(c):
    return c.press(c.outside.outage(), "project", recovery_at="soon")


@case("stakeholders.news.admin.OutageAdmin.dismiss", status=200, says="Say why nobody needs to be told.")
def _(c):
    return c.press(c.outside.outage(), "dismiss")


@case("stakeholders.news.admin.OutageAdmin.save_model", status=200, says="cannot begin in the future")
def _(c):
    typed = {"title": "Uploads fail", "started_at_0": "2190-01-05", "started_at_1": "09:00"}
    answer = c.browser.post("/admin/stakeholders/outage/add/", typed)
    assert 'value="Uploads fail"' in text(answer) and not Outage.objects.exists()
    return answer


@case("stakeholders.news.admin.OutageAdmin._write", status=200, says="Choose a time in the future.")
def _(c):
    words = {"text": "t", "next_update_by": "2020-01-01T12:00", "send": "1"}
    return c.browser.post(f"/admin/stakeholders/outage/{c.outside.outage().pk}/write/announcement/", words)


# --- subscriptions ----------------------------------------------------------------------------------------------------


@case("stakeholders.subscriptions.admin.SubscriptionAdmin.erase", status=200, says="belongs to somebody with a login")
def _(c):
    return c.press(c.outside.subscribe(c.ana.recipient.contact_points.get(), "7"), "erase")


@case("stakeholders.subscriptions.api.SubscriptionSerializer.save", status=409, says="cannot be used at present")
def _(c):
    point = ContactPoint.objects.create(recipient=c.coach.recipient, channel="memory", address="new")
    return c.api.post("subscriptions/", {"contact_point": point.pk, "group": c.group.pk})


@case("stakeholders.subscriptions.api.SubscriptionViewSet.perform_update", status=409, says="subscribe again by POST.")
def _(c):
    row = c.outside.subscribe(c.coach.recipient.contact_points.get(), "7")
    subscribing.end(row, reason="over", now=c.now)
    return c.api.patch(f"subscriptions/{row.pk}/", {"kinds": "ends"})


@case("stakeholders.subscriptions.pages._subscribe_oneself", status=409, says="cannot be used at present")
def _(c):
    point = ContactPoint.objects.get(address="coach")
    with quicker("dispatching_contactpoint", lambda: ContactPoint.objects.update(disabled_reason="bounced")):
        return c.browser.post("/subscribe/", {"groups": [c.group.pk], "point": point.pk})


@case("stakeholders.subscriptions.pages.subscribe_browser", status=409, says="must not be written to.")
def _(c):
    browser = Browser(PUSH)
    addresses.suppress("push", browser.address, Suppression.Reason.NOT_ME, now=c.now)
    return c.stranger.post("/subscribe/browser/", {"address": browser.subscription, "groups": [c.group.pk]})


@case("stakeholders.subscriptions.pages.confirm", status=409, says="must not be written to.")
def _(c):
    addresses.suppress("memory", c.point.address, Suppression.Reason.NOT_ME, now=c.now)
    return c.stranger.post(links.path("confirm", c.point))


@case("stakeholders.subscriptions.pages.manage", status=409, says="cannot be used at present")
def _(c):
    ContactPoint.objects.filter(pk=c.point.pk).update(disabled_reason="messages bounce")
    return c.stranger.post(manage_links.path("manage", c.point), {"how-language": "en", "how-time_zone": "UTC"})


@case("stakeholders.subscriptions.pages.mine", status=400, says="Please write a comment.")
def _(c):
    return c.mine.post("/subscriptions/mine/", {"outage": "", "text": " "})


# ----------------------------------------------------------------------------------------------------------------------


def test_each_surface_that_can_meet_a_refusal_is_among_the_cases():
    met = surfaces(Tree.of(Path(__file__).parents[2]))
    assert met == {name for names in CASES for name in names} | NEVER


@pytest.mark.parametrize(("status", "says", "act"), CASES.values(), ids=[names[0] for names in CASES])
def test_an_illegal_move_is_answered_with_a_sentence(world, status, says, act):
    answer = act(Cast())
    assert (answer.status_code, says in text(answer)) == (status, True), text(answer)[-2500:]


def test_a_verb_module_that_is_new_has_to_be_among_them():
    house = Tree.of(Path(__file__).parents[2])
    said = "from schedules.arrangements.swapping import ask\n\n\ndef ask_by_page(request):\n    ask()\n"
    assert "schedules.rota.pages.ask_by_page" in surfaces(house.with_file("schedules/rota/pages.py", said))
