"""C9: whoever leaves hours with nobody on duty, or a policy that reaches nobody, reads it when they do it."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from dispatching.models import ContactPoint
from schedules.models import Absence, CalendarFeed, Layer, Schedule, User
from tests.api import client_of
from tests.browser import browser_of, form_in, text
from tests.schedules.ics import calendar, event
from tests.world import MONDAY

pytestmark = pytest.mark.django_db
HOUR, WEEK = timedelta(hours=1), timedelta(days=7)
NOBODY = (
    "Nobody is on duty on rotation 0 main from Mon 5 Jan 2026, 09:05 until Mon 12 Jan 2026, 09:00 (UTC): it was Ana"
)
LATER = (
    "Nobody is on duty on rotation 0 main from Mon 19 Jan 2026, 09:00 until Mon 26 Jan 2026, 09:00 (UTC): it was Ana"
)
STEP = "Step 1 of the policy “Team 1” reaches nobody: "
GONE = "schedule rotation 0 main: nobody is on duty: Ana is "
SILENT = "The policy “Direct” reaches nobody"
UNREACHED = "Ana cannot be reached: there is no verified contact point in use."


@pytest.fixture(autouse=True)
def clock(clock):
    clock.move_to(MONDAY + timedelta(minutes=5), tick=False)
    return clock


class Cast:
    """Ana and Bo take turns by the week; Ana alone is behind the policy “Direct”, by name, team and group."""

    def __init__(self, world):
        self.ana, self.bo = world.person("ana"), world.person("bo")
        [self.main] = world.weekly(self.ana, self.bo, positions=1)
        self.team = world.team("Team 1", self.ana)
        self.group = Group.objects.create(name="Experts")
        self.group.user_set.set([self.ana])
        world.policy((HOUR, self.main), (HOUR, self.bo), name="Team 1")
        world.policy((HOUR, self.ana), (HOUR, self.team), (HOUR, self.group), name="Direct")
        world.last_resort()
        self.boss = User.objects.create_superuser("boss")
        self.admin, self.api = browser_of(self.boss), client_of(self.boss)

    def edit(self, obj, **changes) -> str:
        """What the admin says after this edit of the object's form."""
        name = f"{obj._meta.app_label}_{obj._meta.model_name}"
        page = reverse(f"admin:{name}_change", args=[obj.pk])
        form = form_in(self.admin.get(page), f"{obj._meta.model_name}_form") | changes
        return text(
            self.admin.post(page, {name: value for name, value in form.items() if value != ["off"]}, follow=True)
        )

    def delete(self, obj) -> str:
        page = reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_delete", args=[obj.pk])
        return text(self.admin.post(page, {"post": "yes"}, follow=True))


@pytest.fixture
def cast(world):
    return Cast(world)


def away(start=MONDAY, span=timedelta(days=3 * 7), **more) -> dict:
    return {"start": start.isoformat(), "end": (start + span).isoformat(), **more}


def test_an_absence_entered_in_the_admin(cast):
    page = reverse("admin:schedules_absence_add")
    form = form_in(cast.admin.get(page), "absence_form") | {"user": cast.ana.pk, "reason": ""}
    form |= {"start_0": "2026-01-05", "start_1": "09:00", "end_0": "2026-01-26", "end_1": "09:00"}
    said = text(cast.admin.post(page, form, follow=True))
    assert f"{NOBODY} (2 times in the next 8 weeks)." in said
    assert f"{STEP}{GONE}away." in said
    assert f"{SILENT}." in said
    absence = Absence.objects.get()
    said = cast.edit(absence, user=cast.bo.pk)
    assert "it was Bo" in said
    assert "it was Ana" not in said
    assert "it was" not in cast.delete(absence)


def test_an_absence_entered_by_api(cast):
    """Also of what begins later; and the answer that was read can be written back."""
    later = cast.api.post("absences/", away(MONDAY + 2 * WEEK, WEEK, user="ana")).json()
    assert later["warnings"][0] == f"{LATER}."
    assert f"{SILENT} from Mon 19 Jan 2026, 09:00 UTC." in later["warnings"]
    assert cast.api.put(f"absences/{later['id']}/", later).json()["warnings"] == []
    assert cast.api.get(f"absences/{later['id']}/").json()["warnings"] == []
    assert cast.api.delete(f"absences/{later['id']}/").status_code == 204


def test_an_absence_entered_on_the_own_page(cast):
    form = {"do": "add-absence", "start": "2026-01-05T09:00", "end": "2026-01-12T09:00", "reason": ""}
    said = text(browser_of(cast.ana).post(reverse("mine"), form, follow=True))
    assert "Nobody takes your shifts during that time yet" in said
    assert f"{SILENT}." in said


def test_a_person_who_is_deactivated(cast):
    form_off = {"is_active": ["off"]}
    said = cast.edit(cast.ana, **form_off)
    assert f"{NOBODY} (5 times in the next 8 weeks)." in said
    assert f"{STEP}{GONE}no longer active." in said
    assert f"{SILENT}." in said
    User.objects.filter(pk=cast.ana.pk).update(is_active=True, left_at=None)
    said = cast.api.patch(f"users/{cast.ana.pk}/", {"is_active": False}).json()["warnings"]
    assert said[0] == f"{NOBODY} (5 times in the next 8 weeks)."
    assert f"{SILENT}." in said
    assert cast.api.patch(f"users/{cast.ana.pk}/", {"last_name": "Able"}).json()["warnings"] == []


def test_a_team_or_group_that_loses_its_last_member(cast):
    said = cast.edit(cast.team, members=[])
    assert "Step 2 of the policy “Direct” reaches nobody: team Team 1: nobody there now." in said
    said = cast.edit(cast.group, members=[cast.bo.pk])
    assert "reaches nobody" not in said
    for kind, obj, step in (("teams", cast.team, "Step 2"), ("groups", cast.group, "Step 3")):
        obj.user_set.set([cast.ana])
        said = cast.api.patch(f"{kind}/{obj.pk}/", {"members": []}).json()["warnings"]
        assert [each.partition(" of")[0] for each in said] == [step]


def test_somebody_who_can_no_longer_be_reached(cast):
    """By a change of the address, a deletion of it, or a tick."""
    recipient, point = cast.ana.recipient, cast.ana.recipient.contact_points.get()
    silenced = [UNREACHED, f"{STEP}Ana cannot be reached.", f"{SILENT}."]
    assert all(each in cast.edit(recipient, **{"contact_points-0-address": "ana-2"}) for each in silenced[:1])
    for change in ({"address": "ana-3"}, {"verified": False}, {"disabled_reason": "lost"}):
        ContactPoint.objects.filter(pk=point.pk).update(verified=True, disabled_reason="")
        answer = cast.api.patch(f"contact-points/{point.pk}/", change).json()
        assert sorted(answer["warnings"]) == sorted(silenced), change
    ContactPoint.objects.filter(pk=point.pk).update(verified=True, disabled_reason="")
    answer = cast.api.delete(f"contact-points/{point.pk}/")
    assert (answer.status_code, sorted(answer.json()["warnings"])) == (200, sorted(silenced))


def test_the_last_last_resort(cast):
    recipient = ContactPoint.objects.get(recipient__last_resort=True).recipient
    assert "Nobody can be told when a policy ends" in cast.delete(recipient)


def test_a_schedule_or_rotation_that_is_deleted_or_emptied_by_api(cast):
    rotation = cast.main.layers.get().rotation
    said = cast.api.patch(f"rotations/{rotation.pk}/", {"participants": ["bo"], "at_once": True}).json()["warnings"]
    assert said == []
    said = cast.api.patch(f"rotations/{rotation.pk}/", {"participants": [], "at_once": True}).json()["warnings"]
    assert said[0].startswith("Nobody is on duty on rotation 0 main from Mon 5 Jan 2026, 09:05")
    said = cast.api.patch(f"schedules/{cast.main.pk}/", {"layers": []}).json()["warnings"]
    assert Schedule.objects.get(pk=cast.main.pk).layers.count() == 0
    assert said == ["Nobody is on duty on rotation 0 main: it has no layers."]


def test_a_schedule_without_layers_and_an_override_that_is_deleted(cast):
    said = cast.api.patch(f"schedules/{cast.main.pk}/", {"layers": []}).json()["warnings"]
    assert said[0].startswith(NOBODY)
    override = cast.api.post("overrides/", away(span=WEEK, schedule=cast.main.pk, user="ana")).json()
    assert override["warnings"] == []
    assert cast.api.delete(f"overrides/{override['id']}/").json()["warnings"][0].startswith(NOBODY)


def test_a_calendar_that_loses_its_shifts(cast):
    def shifts(day: str) -> str:
        return calendar(event(f"DTSTART:{day}T090000Z", "DURATION:P7D", "SUMMARY:Ana"))

    feed = CalendarFeed.objects.get(
        pk=cast.api.post("calendar-feeds/", {"name": "f", "content": shifts("20260105")}).json()["id"]
    )
    cast.main.layers.all().delete()
    Layer.objects.create(schedule=cast.main, feed=feed)
    page = f"calendar-feeds/{feed.pk}/"
    assert cast.api.patch(page, {"content": shifts("20260601")}).json()["warnings"][0].startswith(NOBODY)
    assert cast.api.patch(page, {"content": shifts("20260105")}).json()["warnings"] == []
    assert NOBODY in cast.edit(feed, content=shifts("20260601"))
