"""What operators do with subscriptions: the admin, files, the API. Each with its own permission."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dispatching.models import ContactPoint
from schedules.models import User
from stakeholders.groups.joining import Wish
from stakeholders.models import SignUp, Subscription, Suppression
from stakeholders.subscriptions import subscribing
from tests.api import client_of
from tests.browser import browser_of, everything, text
from tests.sure import sure

pytestmark = pytest.mark.django_db
LIST = "/admin/stakeholders/subscription/"


def subscriber(world, address="vi@example.org", channel="email") -> Subscription:
    point = sure(subscribing.ask(channel, address, [world.open], now=world.now))
    subscribing.confirm(point, now=world.now)
    return Subscription.objects.get(contact_point=point)


@pytest.fixture
def coach(world):
    return browser_of(User.objects.create_superuser("coach"))


def operator(*permissions: str) -> User:
    user = User.objects.create(username="op", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


# --- the admin ---------------------------------------------------------------------------------------------------------


def test_the_list_and_the_record_of_consent_are_read_only(world, coach):
    row = subscriber(world)
    assert "vi@example.org" in text(coach.get(LIST))
    page = text(coach.get(f"{LIST}{row.pk}/change/"))
    assert "2026-11" in page and "form" in page
    assert coach.post(f"{LIST}{row.pk}/change/", {"state": "ended"}).status_code == 403
    assert coach.get(f"{LIST}add/").status_code == 403
    assert coach.get(f"{LIST}{row.pk}/delete/").status_code == 403


def test_the_list_takes_a_constant_number_of_queries(world, coach):
    subscriber(world)
    coach.get(LIST)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            coach.get(LIST)
        return len(captured)

    before = queries()
    for number in range(5):
        subscriber(world, f"v{number}@example.org")
    assert queries() == before


VERBS = {
    "end": ("ended", "", []),
    "bounced": ("active", "messages could not be delivered", []),
    "complained": ("ended", "marked as spam", ["complained"]),
    "erase": ("ended", "the address was erased", ["erased"]),
}


@pytest.mark.parametrize(("name", "found"), VERBS.items())
def test_the_buttons(world, coach, name, found):
    """P10, P11: the log does not name what was erased."""
    row = subscriber(world)
    assert coach.post(f"{LIST}{row.pk}/verb/{name}/", follow=True).status_code == 200
    row.refresh_from_db()
    reasons = list(Suppression.objects.values_list("reason", flat=True))
    assert (row.state, row.contact_point.disabled_reason, reasons) == found
    entry = LogEntry.objects.get()
    assert ("vi@example.org" in entry.object_repr) == (name != "erase")


def test_the_buttons_need_the_permission_to_change(world):
    row = subscriber(world)
    before = everything()
    reader = browser_of(operator("view_subscription"))
    for name in VERBS:
        assert reader.post(f"{LIST}{row.pk}/verb/{name}/").status_code == 403
        assert reader.get(f"{LIST}{row.pk}/verb/{name}/").status_code == 405
    assert {k: v for k, v in everything().items() if k != "schedules.User"} == {
        k: v for k, v in before.items() if k != "schedules.User"
    }


# --- files -------------------------------------------------------------------------------------------------------------


def upload(browser, data: str | bytes):
    file = SimpleUploadedFile("s.csv", data.encode() if isinstance(data, str) else data)
    return browser.post(f"{LIST}import/", {"file": file}, follow=True)


def test_a_file_subscribes_those_whose_consent_it_notes_and_asks_the_others(world, coach):
    """B115, B122"""
    lines = [
        "address,group,consent",
        "a@example.org,Europe,by letter of 2026-01-02",
        "A@example.org,europe,again",
        "b@example.org,Europe,",
        "c@example.org,Nowhere,yes",
        "nobody,Europe,yes",
        "d@example.org,Product managers,yes",
        "e@example.org,Europe,by\x01letter",
        'f@example.org,Europe,"by letter\n=1+1"',
    ]
    page = text(upload(coach, "\n".join(lines)))
    assert "1 subscribed, 1 asked by mail, 6 left out." in page
    odd = ("line 8: Character 3 is a control character", "line 9: Write this in one line")  # S10, S19
    for said in (
        "line 3: this address has left",
        "line 5: there is no group",
        "line 6: Please",
        "line 7: “Product",
        *odd,
    ):
        assert said in page
    rows = {row.contact_point.address: row for row in Subscription.objects.all()}
    assert (rows["a@example.org"].state, rows["b@example.org"].state) == ("active", "asked")
    assert rows["a@example.org"].asked_from == "file of coach: by letter of 2026-01-02"
    assert rows["a@example.org"].contact_point.usable and not rows["b@example.org"].contact_point.verified
    assert "1 subscribed" in LogEntry.objects.get().change_message


def test_who_has_left_or_must_not_be_written_to_stays_out_of_an_import(world, coach):
    """P13, invariant 18"""
    row = subscriber(world)
    subscribing.leave_everything(row.contact_point, reason="by link", now=world.now)
    subscribing.erase(subscriber(world, "gone@example.org").contact_point, now=world.now)
    file = "address,group,consent\nVI@example.org,{0},yes\ngone@example.org,{0},yes\n".format('"Product A, everywhere"')
    assert "0 subscribed, 0 asked by mail, 2 left out." in text(upload(coach, file))
    assert not Subscription.objects.exclude(state="ended").exists()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\xff\xfe", "not text in UTF-8"),
        ("address;group\n", "Missing: address, group"),
        ("address,group\na\0,b\n", "NUL characters"),
        ("address,group\n" + "a,b\n" * 5001, "at most 5000"),
        ('address,group\n"' + "x" * 200_000, "not a CSV file"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_as_a_whole(world, coach, data, sentence):
    assert sentence in text(upload(coach, data))
    assert not Subscription.objects.exists()


def test_a_line_with_too_few_or_too_many_columns_is_no_error(world, coach):
    assert "0 subscribed" in text(upload(coach, "address,group,consent\n\na@x.org\na@x.org,Nope,c,d,e\n"))


def test_taking_the_addresses_out_needs_its_own_permission_and_is_on_record(world):
    """P12; a spreadsheet does not take what a stranger typed for a formula."""
    subscriber(world, "+evil@example.org")
    allowed = browser_of(operator("view_subscription", "export_subscription"))
    assert allowed.get(f"{LIST}export/").status_code == 405
    answer = allowed.post(f"{LIST}export/")
    content = b"".join(answer).decode()
    assert 'email,\'+evil@example.org,"Product A, everywhere",active' in content
    assert (LogEntry.objects.get().user.username, LogEntry.objects.get().change_message) == (
        "op",
        "Exported 1 subscriptions.",
    )
    User.objects.get(username="op").user_permissions.remove(Permission.objects.get(codename="export_subscription"))
    assert allowed.post(f"{LIST}export/").status_code == 403
    assert allowed.get(f"{LIST}import/").status_code == 403
    assert "Export all" not in text(allowed.get(LIST))


# --- the API -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def rep(world):
    return world.colleague()


def post(user, **values):
    return client_of(user).post("subscriptions/", values)


def test_one_subscribes_narrows_and_ends_over_the_api(world, rep):
    """B13, B120"""
    point = rep.recipient.contact_points.get()
    made = post(rep, contact_point=point.pk, group=world.open.pk, deployments=[world.us.pk])
    assert (made.status_code, made.json()["state"], made.json()["deployments"]) == (201, "active", [world.us.pk])
    url = f"subscriptions/{made.json()['id']}/"
    changed = client_of(rep).patch(url, {"kinds": "ends"})
    assert (changed.status_code, changed.json()["kinds"], changed.json()["deployments"]) == (200, "ends", [world.us.pk])
    assert client_of(rep).delete(url).status_code == 204
    assert client_of(rep).get(url).json()["end_reason"] == "ended by API"
    assert client_of(rep).patch(url, {"kinds": "all"}).status_code == 409
    again = post(rep, contact_point=point.pk, group=world.open.pk)
    assert again.status_code == 201 and again.json()["id"] != made.json()["id"]


def test_one_sees_and_changes_only_ones_own(world, rep):
    """P5, P14"""
    row = subscriber(world)
    assert client_of(rep).get("subscriptions/").json()["results"] == []
    for method in ("get", "patch", "delete"):
        assert getattr(client_of(rep), method)(f"subscriptions/{row.pk}/").status_code == 404
    assert post(rep, contact_point=row.contact_point.pk, group=world.open.pk).json().keys() == {"contact_point"}
    reader = operator("view_subscription")
    [seen] = client_of(reader).get("subscriptions/").json()["results"]
    assert seen["address"] == "vi@example.org"
    assert client_of(reader).delete(f"subscriptions/{row.pk}/").status_code == 404


REFUSED = {
    "a group that is not open to them": ({"group": "inner"}, 400, "group"),
    "no group": ({"group": None}, 400, "group"),
    "no such part": ({"deployments": [999999]}, 400, "deployments"),
    "a part that is none": ({"products": ["x"]}, 400, "products"),
    "parts that are no list": ({"products": 3}, 400, "products"),
    "what the group does not cover": ({"products": "b"}, 400, "deployments"),
    "a kind that is none": ({"kinds": "some"}, 400, "kinds"),
    "a priority that is none": ({"least_priority": 9}, 400, "least_priority"),
    "a field that is none": ({"color": 1}, 400, "color"),
    "a contact point that is none": ({"contact_point": 10**17}, 400, "contact_point"),
}


@pytest.mark.parametrize(("values", "status", "field"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_wrong_names_its_field(world, rep, values, status, field):
    values = {
        k: {"inner": world.inner.pk, "b": [world.b.pk]}.get(v, v) if isinstance(v, str) else v
        for k, v in values.items()
    }
    point = rep.recipient.contact_points.get()
    answer = post(rep, **{"contact_point": point.pk, "group": world.open.pk, **values})
    assert (answer.status_code, set(answer.json())) == (status, {field})
    assert not Subscription.objects.exists()


def test_an_unconfirmed_contact_point_is_409(world):
    rep = world.person("rep", points=0)
    point = ContactPoint.objects.create(recipient=rep.recipient, channel="memory", address="rep")
    assert post(rep, contact_point=point.pk, group=world.open.pk).status_code == 409


def test_inviting_over_the_api(world, rep):
    """B122: the answer is the same for every address."""
    for address in ("vi@example.org", "vi@example.org"):
        answer = client_of(rep).post("subscriptions/invite/", {"address": address, "groups": [world.sales.pk]})
        assert (answer.status_code, answer.content) == (202, b"")
    SignUp.objects.update(due_at=world.now)  # the API asks the database for the time
    world.work()
    assert Subscription.objects.get().invited_by == rep
    for values, field in (
        ({"address": "x", "groups": [world.open.pk]}, "address"),
        ({"address": "a@x.org", "groups": [world.inner.pk]}, "groups"),
        ({"address": "a@x.org", "groups": []}, "groups"),
        ({"address": "a@x.org", "groups": [world.open.pk], "channel": "fax"}, "channel"),
    ):
        answer = client_of(rep).post("subscriptions/invite/", values)
        assert (answer.status_code, set(answer.json())) == (400, {field})


def test_a_colleague_with_the_permission_subscribes_others(world, rep):
    point = rep.recipient.contact_points.get()
    subscribing.choose(point, {world.open: Wish()}, now=world.now)
    op = operator("add_subscription", "view_subscription", "change_subscription")
    made = post(op, contact_point=point.pk, group=world.sales.pk)
    assert made.status_code == 201
    assert client_of(op).delete(f"subscriptions/{made.json()['id']}/").status_code == 204
