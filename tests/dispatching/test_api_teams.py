"""What a team may do with its own rotations, schedules and policies over the REST API."""

import pytest
from django.urls import reverse
from guardian.models import GroupObjectPermission

from dispatching.models import EscalationPolicy
from schedules.models import CalendarFeed, Grantable, Rotation, Schedule, Team, User
from stakeholders.models import Outage, StakeholderGroup
from tests.api import client_of
from tests.browser import text

pytestmark = pytest.mark.django_db

NOUNS = ["rotations", "schedules", "escalation-policies"]
owned = pytest.mark.parametrize("noun", NOUNS)


@pytest.fixture
def team(world, ana):
    return world.team("Team 1", ana)


def body(noun: str, team: Team | None, **more) -> dict:
    steps = [{"escalate_after": "01:00:00", "targets": [{"type": "user", "id": "ana"}]}]
    extra = {"steps": steps} if noun == "escalation-policies" else {}
    return {"name": "Ours", "team": team and team.pk, **extra, **more}


@owned
def test_a_team_changes_what_it_owns_and_nothing_else(world, coach, team, noun):
    path = f"{noun}/{coach.post(f'{noun}/', body(noun, team)).json()['id']}/"
    other = f"{noun}/{coach.post(f'{noun}/', body(noun, None, name='Theirs')).json()['id']}/"
    ana = client_of(User.objects.get(username="ana"))
    assert ana.patch(path, {"name": "Mine"}).status_code == 200
    assert ana.patch(other, {"name": "Mine too"}).status_code == 403
    assert ana.delete(path).status_code == 403
    assert ana.post(f"{noun}/", body(noun, team, name="New")).status_code == 403
    assert client_of(world.person("bo")).patch(path, {"name": "Bo's"}).status_code == 403


@owned
def test_a_team_does_not_give_away_what_it_owns(world, coach, team, noun):
    path = f"{noun}/{coach.post(f'{noun}/', body(noun, team)).json()['id']}/"
    ana = client_of(User.objects.get(username="ana"))
    second = world.team("Team 2")
    assert ana.patch(path, {"team": second.pk}).status_code == 403
    assert ana.patch(path, {"team": None}).status_code == 403
    assert coach.get(path).json()["team"] == team.pk
    assert coach.patch(path, {"team": second.pk}).status_code == 200
    assert ana.patch(path, {"name": "Mine"}).status_code == 403


@owned
def test_what_is_deleted_leaves_no_permission_for_the_next_one_with_its_id_o1(coach, team, ana, noun):
    path = f"{noun}/{coach.post(f'{noun}/', body(noun, team)).json()['id']}/"
    assert GroupObjectPermission.objects.count() == 1
    assert coach.delete(path).status_code == 204
    assert not GroupObjectPermission.objects.exists()


def test_however_it_is_deleted_no_permission_is_left(coach, team, client):
    """O1: in the admin, or many at once; a calendar, a group and an outage, too."""
    kinds = [CalendarFeed, EscalationPolicy, Outage, Rotation, Schedule, StakeholderGroup]
    assert all(issubclass(kind, Grantable) for kind in kinds)
    made = [coach.post("rotations/", body("rotations", team, name=name)).json()["id"] for name in "ab"]
    client.force_login(User.objects.create_superuser("root"))
    page = reverse("admin:schedules_rotation_delete", args=[made[0]])
    assert "object permission" not in text(client.get(page)).lower()
    assert client.post(page, {"post": "yes"}).status_code == 302
    assert GroupObjectPermission.objects.count() == 1
    Rotation.objects.all().delete()
    assert not GroupObjectPermission.objects.exists()


def test_what_is_not_deleted_keeps_its_permission(coach, team):
    made = coach.post("rotations/", body("rotations", team)).json()
    coach.post("schedules/", {"name": "Main", "layers": [{"rotation": made["id"]}]})
    assert coach.delete(f"rotations/{made['id']}/").status_code == 409
    assert GroupObjectPermission.objects.count() == 1
    assert Rotation.objects.exists()
