"""Services, integrations, priorities, contact points and policies over the REST API."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import IntegrityError
from rest_framework.test import APIClient

from config.api import answer_error
from dispatching.alerts import intake
from dispatching.models import ContactPoint, EscalationPolicy, Integration, Priority, Recipient, Service, Step
from schedules.models import User
from tests.api import client_of
from tests.sure import sure

pytestmark = pytest.mark.django_db


@pytest.fixture
def bo(world):
    return User.objects.create(username="bo")


# --- policies ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def targets(world, ana):
    """One of each kind, as a client writes it and as it is answered."""
    [main] = world.weekly(ana, positions=1)
    rows = {
        "schedule": main,
        "user": ana,
        "team": world.team("Team 1", ana),
        "group": Group.objects.create(name="Experts"),
    }
    return [{"type": kind, "id": row.pk, "name": str(row)} for kind, row in rows.items()]


def policy_of(targets, **more):
    steps = [
        {"escalate_after": "01:00:00", "targets": targets[:1]},
        {"escalate_after": "00:00:02", "targets": targets[1:]},
    ]
    return {"name": "Team 1", "repeat": 3, "description": "agreed in May", "steps": steps, **more}


def test_a_policy_is_read_back_as_it_was_written(coach, targets):
    bare = [{"type": target["type"], "id": target["id"]} for target in targets]
    made = coach.post("escalation-policies/", policy_of(bare))
    assert made.status_code == 201, made.json()
    expected = {"id": made.json()["id"], "team": None, **policy_of(targets), "warnings": []}
    assert coach.get(f"escalation-policies/{expected['id']}/").json() == expected
    assert coach.get("escalation-policies/").json()["results"] == [expected | {"warnings": None}]


def test_a_policy_that_would_reach_nobody_says_so(coach, world):
    """The same words as in the admin, in the answer that says that it was saved."""
    targets = [
        {"type": "user", "id": world.person("zoe", points=0).pk},
        {"type": "user", "id": world.person("yan").pk},
    ]
    made = coach.post("escalation-policies/", policy_of(targets)).json()
    assert made["warnings"] == ["Step 1: Zoe cannot be reached: no verified contact point."]
    bare = coach.post("escalation-policies/", {"name": "Bare", "repeat": 1, "steps": []})
    assert (bare.status_code, bare.json().keys()) == (400, {"steps"}), "C18"


def test_a_policy_that_was_read_can_be_written_back(coach, targets):
    made = coach.post("escalation-policies/", policy_of(targets)).json()
    assert coach.put(f"escalation-policies/{made['id']}/", made).json() == made


def test_steps_are_replaced_as_a_whole_or_left_alone(coach, targets):
    pk = coach.post("escalation-policies/", policy_of(targets)).json()["id"]
    renamed = coach.patch(f"escalation-policies/{pk}/", {"name": "First"}).json()
    assert len(renamed["steps"]) == 2
    one = [{"escalate_after": "00:30:00", "targets": [{"type": "user", "id": "ana"}]}]
    assert len(coach.patch(f"escalation-policies/{pk}/", {"steps": one}).json()["steps"]) == 1
    assert Step.objects.count() == 1


@pytest.mark.parametrize(
    ("steps", "field"),
    [
        ([], "steps"),
        (None, "steps"),
        ([{"escalate_after": "01:00:00", "targets": []}], "targets"),
        ([{"escalate_after": "01:00:00"}], "targets"),
        ([{"targets": [{"type": "user", "id": "ana"}], "escalate_after": "00:00:00"}], "escalate_after"),
        ([{"targets": [{"type": "user", "id": "ana"}], "escalate_after": "-1"}], "escalate_after"),
        ([{"targets": [{"type": "user", "id": "ana"}], "escalate_after": "8 00:00:00"}], "escalate_after"),
        ([{"targets": [{"type": "user", "id": "ana"}], "escalate_after": "soon"}], "escalate_after"),
        ([{"targets": [{"type": "user", "id": "ana"}], "escalate_afer": "01:00:00"}], "escalate_afer"),
        ([{"targets": [{"type": "user", "id": "nobody"}]}], "id"),
        ([{"targets": [{"type": "user", "id": True}]}], "id"),
        ([{"targets": [{"type": "schedule", "id": 10**12}]}], "id"),
        ([{"targets": [{"type": "schedule", "id": "main"}]}], "id"),
        ([{"targets": [{"type": "team", "id": None}]}], "id"),
        ([{"targets": [{"type": "ring", "id": 1}]}], "type"),
        ([{"targets": [{"id": 1}]}], "type"),
        ([{"targets": ["ana"]}], "targets"),
        ([{}], "targets"),
        ([{"targets": [{}]}], "type"),
        ([{"targets": [{"type": "user", "id": "ana"}]}] * 51, "steps"),
    ],
)
def test_a_wrong_step_is_refused_by_the_name_of_the_field(coach, ana, steps, field):
    answer = coach.post("escalation-policies/", {"name": "P", "steps": steps})
    assert answer.status_code == 400
    assert f"'{field}'" in str(answer.json())
    assert not EscalationPolicy.objects.exists()
    policy = EscalationPolicy.objects.create(name="P")
    assert coach.patch(f"escalation-policies/{policy.pk}/", {"steps": steps}).json() == answer.json()


def test_a_step_gives_an_hour_unless_it_says_otherwise(coach, ana):
    made = coach.post("escalation-policies/", {"name": "P", "steps": [{"targets": [{"type": "user", "id": "ana"}]}]})
    assert made.json()["steps"][0]["escalate_after"] == "01:00:00"


def test_a_wrong_replacement_changes_nothing(coach, targets):
    made = coach.post("escalation-policies/", policy_of(targets)).json()
    steps = [*made["steps"], {"escalate_after": "01:00:00", "targets": [{"type": "user", "id": "nobody"}]}]
    answer = coach.put(f"escalation-policies/{made['id']}/", {"name": "Other", "steps": steps})
    assert answer.status_code == 400
    assert coach.get(f"escalation-policies/{made['id']}/").json() == made


def test_a_team_is_not_taken_for_a_group_across_teams(coach, world):
    team = world.team("Team 1")
    steps = [{"escalate_after": "01:00:00", "targets": [{"type": "group", "id": team.pk}]}]
    assert coach.post("escalation-policies/", {"name": "P", "steps": steps}).status_code == 400


def test_a_schedule_that_a_policy_needs_is_not_deleted(coach, targets):
    coach.post("escalation-policies/", policy_of(targets))
    answer = coach.delete(f"schedules/{targets[0]['id']}/")
    assert answer.status_code == 409
    assert "step 1 of Team 1" in answer.json()["detail"]


# --- integrations -----------------------------------------------------------------------------------------------------


@pytest.fixture
def service(world, ana):
    from_policy = world.policy((timedelta(hours=1), ana))
    return Service.objects.create(name="Log-on", policy=from_policy)


def test_an_integrations_key_is_answered_once(coach, service):
    made = coach.post("integrations/", {"name": "Prometheus", "service": service.pk})
    assert made.status_code == 201
    key = made.json()["key"]
    assert sure(intake.integration_of(key)).pk
    path = f"integrations/{made.json()['id']}/"
    answers = [coach.get(path), coach.get("integrations/"), coach.patch(path, {"enabled": True})]
    assert all(answer.status_code == 200 and key not in answer.content.decode() for answer in answers)
    assert answers[0].json()["key_hint"] == key[:4]


def test_a_new_key_replaces_the_old_one(coach, service):
    made = coach.post("integrations/", {"name": "Prometheus", "service": service.pk}).json()
    turned = coach.post(f"integrations/{made['id']}/rotate-key/")
    assert turned.status_code == 200
    assert intake.integration_of(made["key"]) is None
    assert sure(intake.integration_of(turned.json()["key"])).pk == made["id"]


def test_a_new_key_needs_the_right_to_change_integrations(coach, service, ana):
    pk = coach.post("integrations/", {"name": "Prometheus", "service": service.pk}).json()["id"]
    before = Integration.objects.get().key_hash
    ana.user_permissions.add(Permission.objects.get(codename="add_integration"))
    assert client_of(ana).post(f"integrations/{pk}/rotate-key/").status_code == 403
    assert Integration.objects.get().key_hash == before
    ana.user_permissions.add(Permission.objects.get(codename="change_integration"))
    assert client_of(ana).post(f"integrations/{pk}/rotate-key/").status_code == 200


@pytest.mark.parametrize("field", ["key", "key_hash"])
def test_nobody_chooses_a_key(coach, service, field):
    coach.post("integrations/", {"name": "Prometheus", "service": service.pk, field: "0" * 64})
    assert intake.integration_of("0" * 64) is None
    assert not Integration.objects.filter(key_hash="0" * 64).exists()


# --- contact points ---------------------------------------------------------------------------------------------------


def test_a_contact_point_makes_its_person_reachable(coach, bo):
    body = {"user": "bo", "channel": "email", "address": " bo@Example.COM ", "verified": True}
    made = coach.post("contact-points/", body)
    assert made.status_code == 201, made.json()
    assert (made.json()["user"], made.json()["username"]) == (bo.pk, "bo")
    point = ContactPoint.objects.get(recipient__user=bo)
    assert point.usable
    assert point.address.strip() == made.json()["address"] == point.address
    assert coach.post("contact-points/", {**body, "user": bo.pk, "channel": "memory"}).status_code == 201
    assert Recipient.objects.filter(user=bo).count() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"channel": "pigeon"}, "channel"),
        ({"address": "no address"}, "address"),
        ({"address": ""}, "address"),
        ({"address": "bo@example.com\0"}, "address"),
        ({"address": "BO@example.com"}, "address"),
        ({"user": "nobody"}, "user"),
        ({"user": None}, "user"),
        ({"verfied": True}, "verfied"),
        ({"verified": "perhaps"}, "verified"),
    ],
)
def test_a_wrong_contact_point_is_refused_by_the_name_of_the_field(coach, bo, change, field):
    body = {"user": "bo", "channel": "email", "address": "bo@example.com"}
    if change.get("address") == "BO@example.com":
        assert coach.post("contact-points/", body).status_code == 201  # the same address is there already
    count = ContactPoint.objects.count()
    answer = coach.post("contact-points/", {**body, **change})
    assert (answer.status_code, set(answer.json()) & {field, "errors"} != set()) == (400, True), answer.json()
    assert field in str(answer.json())
    assert ContactPoint.objects.count() == count


@pytest.mark.parametrize(
    "change", [{"address": "bo-2"}, {"channel": "email", "address": "bo@example.org"}, {"user": "ana"}], ids=str
)
def test_a_changed_contact_point_has_to_be_proved_again(coach, bo, ana, change):
    """C8: also if the old value comes back with the rest of what was read."""
    body = {"user": "bo", "channel": "sms", "address": "+447700900123", "verified": True}
    made = coach.post("contact-points/", {**body, "channel": "memory"}).json()
    path = f"contact-points/{made['id']}/"
    same = coach.put(path, {**body, "channel": "memory", "address": f" {made['address']} "})
    assert same.json()["verified"], "the same address in other spelling"
    version = ContactPoint.objects.get(pk=made["id"]).link_version
    changed = coach.put(path, {**body, "channel": "memory", **change}).json()
    assert not changed["verified"]
    assert ContactPoint.objects.get(pk=made["id"]).link_version == version + 1
    assert coach.patch(path, {"verified": True}).json()["verified"]


def test_a_refused_contact_point_leaves_no_recipient_behind(coach, bo):
    assert coach.post("contact-points/", {"user": "bo", "channel": "pigeon", "address": "x"}).status_code == 400
    assert not Recipient.objects.filter(user=bo).exists()


def test_a_contact_rule_delays_a_contact_point(coach, ana):
    point = ContactPoint.objects.get(recipient__user=ana)
    made = coach.post("contact-rules/", {"contact_point": point.pk, "delay": "00:05:00"})
    assert made.json()["delay"] == "00:05:00"
    assert coach.post("contact-rules/", {"contact_point": point.pk}).json().keys() == {"contact_point"}
    assert coach.patch(f"contact-rules/{made.json()['id']}/", {"delay": "-1"}).json().keys() == {"delay"}


# --- services and priorities ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "LOG-ON"}, "name"),
        ({"name": "Log-on"}, "name"),
        ({"escalation_policy": 10**12}, "escalation_policy"),
        ({"escalation_policy": None}, "escalation_policy"),
        ({"runbook_url": "javascript:alert(1)"}, "runbook_url"),
        ({"owner": "ana"}, "owner"),
    ],
)
def test_a_wrong_service_is_refused_by_the_name_of_the_field(coach, service, change, field):
    answer = coach.post("services/", {"name": "Uploads", "escalation_policy": service.policy_id, **change})
    assert answer.status_code == 400
    assert answer.json().keys() == {field}


@pytest.mark.parametrize("level", [0, 6, 1, "one", 2**40, None])
def test_a_priority_has_a_free_level_of_one_to_five(coach, level):
    Priority.objects.create(level=1, name="P1")
    answer = coach.post("priorities/", {"level": level, "name": "P"})
    assert answer.status_code == 400
    assert answer.json().keys() == {"level"}


def test_a_policy_that_a_service_follows_is_not_deleted(coach, service):
    answer = coach.delete(f"escalation-policies/{service.policy_id}/")
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "It cannot be deleted because it is still used by: service Log-on.",
    )


def test_a_write_that_came_second_is_a_conflict():
    answer = sure(answer_error(IntegrityError("duplicate key\nDETAIL: secret"), {}))
    assert answer.status_code == 409
    assert "secret" not in str(answer.data)


# --- bodies and the schema --------------------------------------------------------------------------------------------


def test_a_body_of_3_mb_is_refused_with_the_limit_named_j14(coach):
    answer = coach.post("teams/", {"name": "T", "description": "x" * 3_000_000})
    assert answer.status_code == 413
    assert "512 KiB" in answer.json()["detail"]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'"x"', b"{", b'{"name":"a","name":"b"}', b'{"name":"\\ud800"}', b"[" * 5000]
)
def test_a_body_that_is_no_object_is_refused(coach, body):
    answer = coach.generic("POST", "teams/", body, content_type="application/json")
    assert answer.status_code == 400


def test_the_schema_and_its_pages_answer_without_a_login(world):
    client = APIClient()
    schema = client.get("/api/schema/?format=json")
    assert schema.status_code == 200
    assert schema.json()["components"]["securitySchemes"].keys() == {"tokenAuth", "cookieAuth"}
    assert client.get("/api/docs/").status_code == 200
    assert client.options("/api/docs/").status_code == 405
