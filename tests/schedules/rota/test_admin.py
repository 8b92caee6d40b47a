"""The admin of people and duty: who may change what, and the coming weeks drawn."""

import re
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from django.contrib.auth.models import Group, Permission
from django.db.models import Model
from django.urls import reverse

from dispatching.models import EscalationPolicy
from schedules.models import Layer, Override, Participant, Rotation, Schedule, Team, User
from schedules.oncall import on_call
from schedules.rota import lacks
from tests.browser import browser_of, everything, form_in, text
from tests.world import MONDAY

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
EVIL = "<img src=x onerror=alert(1)>"
RIGHTS = ["view_user", "add_user", "change_user", "delete_user", "view_group", "add_group", "change_group"]


@pytest.fixture(autouse=True)
def clock(clock):
    clock.move_to(MONDAY + timedelta(minutes=5), tick=False)
    return clock


@pytest.fixture
def coach(db):
    return User.objects.create_superuser("coach", first_name="Cleo")


@pytest.fixture
def admin(coach):
    return browser_of(coach)


def page_of(obj, page: str = "change") -> str:
    return reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_{page}", args=[obj.pk])


def form_of(browser, obj) -> dict:
    return form_in(browser.get(page_of(obj)), f"{obj._meta.model_name}_form")


# --- a schedule, drawn ------------------------------------------------------------------------------------------------


@pytest.fixture
def main(world):
    return world.weekly(world.person("ana"), world.person("bo"), positions=1)[0]


def test_a_schedules_page_draws_the_coming_weeks_with_names(admin, main):
    shown = text(admin.get(page_of(main))).partition("The next 4 weeks, as saved")[2]
    assert shown.count('class="week"') == 4
    assert 'title="Ana: rotation 0, main"' in shown and 'title="Bo: rotation 0, main"' in shown
    words = shown.partition("The same in words")[2]
    assert "Mon 12 Jan 2026, 09:00 UTC</time> – <time" in words and "<strong>Bo</strong>" in words
    assert "<strong>nobody</strong>" not in words and "nobody is on duty for" not in shown


def test_the_load_of_each_person_is_counted(admin, main):
    """A12, A14, bA1: what is too long is the time without a break, in whatever pieces it comes."""
    Schedule.objects.update(longest_shift=timedelta(days=6))
    ana, start = User.objects.get(username="ana"), MONDAY + timedelta(days=2)
    Override.objects.create(schedule=main, user=ana, start=start, end=start + timedelta(days=1))
    shown = text(admin.get(page_of(main)))
    assert "<td>Ana</td><td>336 hours</td><td>112 hours</td><td>96 hours</td><td>168 hours</td>" in shown
    warned = shown.partition("On duty for longer than this schedule allows: ")[2].partition("</p>")[0]
    assert re.findall(r"(Ana|Bo) from <time[^>]*>(Mon \d+ Jan)[^<]*</time> to <time[^>]*>(Mon \d+ Jan)", warned)[
        :2
    ] == [
        ("Ana", "Mon 5 Jan", "Mon 12 Jan"),
        ("Bo", "Mon 12 Jan", "Mon 19 Jan"),
    ]


def test_a_gap_in_the_coming_weeks_is_said_in_words(admin, main):
    User.objects.filter(username="bo").update(is_active=False)
    shown = text(admin.get(page_of(main))).partition("The next 4 weeks, as saved")[2]
    assert "<strong>nobody</strong>" in shown and "Bo:" not in shown
    assert "In these 4 weeks nobody is on duty for part of the time." in shown


def test_an_override_made_in_the_form_is_drawn(admin, main, world):
    cy = world.person("cy")
    form = form_of(admin, main) | {"overrides-TOTAL_FORMS": "1", "overrides-0-user": cy.pk}
    form |= {"overrides-0-start_0": "2026-01-07", "overrides-0-start_1": "09:00", "overrides-0-reason": "dentist"}
    form |= {"overrides-0-end_0": "2026-01-07", "overrides-0-end_1": "18:00"}
    assert admin.post(page_of(main), form).status_code == 302
    assert Override.objects.get().end - Override.objects.get().start == timedelta(hours=9)
    assert 'title="Cy: override: dentist"' in text(admin.get(page_of(main)))


def test_an_override_that_ends_before_it_starts_is_refused(admin, main, world):
    form = form_of(admin, main) | {"overrides-TOTAL_FORMS": "1", "overrides-0-user": world.person("cy").pk}
    form |= {"overrides-0-start_0": "2026-01-07", "overrides-0-start_1": "09:00"}
    form |= {"overrides-0-end_0": "2026-01-06", "overrides-0-end_1": "09:00"}
    before = everything()
    assert "An override must end after it starts." in text(admin.post(page_of(main), form))
    assert everything() == before


def test_a_rotation_shows_its_next_turns_and_keeps_the_order_of_the_form(admin, main):
    rotation = Rotation.objects.get()
    Schedule.objects.create(name="backup").layers.create(rotation=rotation, position=1)
    shown = text(admin.get(page_of(rotation))).partition("The next turns, as saved")[2]
    assert "<td>Ana</td><td>Bo</td>" in shown
    form = form_of(admin, rotation)
    before = everything()
    assert admin.post(page_of(rotation), form).status_code == 302
    assert everything() == before, "saving what was shown changes nothing"
    form = form_of(admin, rotation) | {"participants-0-order": "9"}
    assert admin.post(page_of(rotation), form).status_code == 302
    assert [str(p) for p in rotation.participants.all()] == ["Bo", "Ana"]
    assert "<td>Bo</td><td>Ana</td>" in text(admin.get(page_of(rotation)))


def test_names_with_markup_are_only_text(admin, world):
    """K9"""
    [schedule] = world.weekly(world.person("ana", last_name=EVIL), positions=1)
    Schedule.objects.update(name=EVIL)
    Rotation.objects.update(name=EVIL)
    team = world.team(EVIL, User.objects.get(username="ana"))
    pages = [page_of(schedule), page_of(Rotation.objects.get()), page_of(team), "/admin/schedules/schedule/"]
    shown = {path: text(admin.get(path)) for path in pages}
    assert [path for path, page in shown.items() if "<img src=x" in page] == []
    assert [path for path, page in shown.items() if "&lt;img src=x" not in page] == []


# --- rights (O5) ------------------------------------------------------------------------------------------------------


@pytest.fixture
def powerful(db):
    """A group that carries every right."""
    group = Group.objects.create(name="Everything")
    group.permissions.set(Permission.objects.all())
    return group


@pytest.fixture
def staff(world):
    """Somebody who keeps the list of people, and is no superuser."""
    staff = world.person("sam", is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename__in=[*RIGHTS, "change_team", "add_team"]))
    return staff


def powers(user: User) -> tuple:
    user = User.objects.get(pk=user.pk)
    return user.is_superuser, user.is_staff, set(user.groups.all()), user.get_all_permissions()


def crafted(group: Group) -> dict:
    every = list(Permission.objects.values_list("pk", flat=True))
    return {"is_superuser": "on", "is_staff": "on", "groups": [group.pk], "user_permissions": every}


@pytest.mark.parametrize("who", ["sam", "ana"])
def test_staff_give_no_rights_to_themselves_or_others(world, staff, powerful, who):
    """O5"""
    user = staff if who == "sam" else world.person("ana")
    browser, before = browser_of(staff), powers(user)
    form = form_of(browser, user)
    assert form and not {"is_superuser", "is_staff", "groups", "user_permissions"} & set(form)
    assert browser.post(page_of(user), form | {"last_name": "New"} | crafted(powerful)).status_code == 302
    assert User.objects.get(pk=user.pk).last_name == "New"
    assert powers(user) == before


def test_staff_make_no_superuser(staff, powerful):
    """O5"""
    person = {"username": "new", "usable_password": "false", "time_zone": "UTC", **crafted(powerful)}
    browser_of(staff).post(reverse("admin:schedules_user_add"), person)
    assert powers(User.objects.get(username="new")) == (False, False, set(), set())


def test_staff_do_not_touch_a_superuser(staff, coach):
    """O5: neither the name nor the password nor the log-in."""
    browser, before = browser_of(staff), everything()
    assert browser.get(page_of(coach)).status_code == 200
    password = {"password1": "a long new secret", "password2": "a long new secret", "usable_password": "true"}
    for path, data in [
        (page_of(coach), {"username": "x", "time_zone": "UTC"}),
        (reverse("admin:auth_user_password_change", args=[coach.pk]), password),
        (page_of(coach, "delete"), {"post": "yes"}),
    ]:
        assert browser.post(path, data).status_code == 403, path
    several = {"action": "delete_selected", "_selected_action": [coach.pk], "post": "yes"}
    browser.post(reverse("admin:schedules_user_changelist"), several)
    assert everything() == before


def test_staff_do_not_join_a_group_that_carries_rights_nor_give_it_any(staff, powerful):
    """O5"""
    browser, before = browser_of(staff), powers(staff)
    rights = list(Permission.objects.values_list("pk", flat=True))
    join = {"name": "Everything", "members": [staff.pk], "permissions": rights}
    assert browser.post(page_of(powerful), join).status_code == 403
    browser.post(reverse("admin:auth_group_add"), join | {"name": "Mine"})
    mine = Group.objects.get(name="Mine")
    browser.post(page_of(mine), join | {"name": "Mine"})
    assert list(mine.permissions.all()) == [] and list(mine.user_set.all()) == [staff]
    _, _, _, rights_after = powers(staff)
    assert rights_after == before[3]


def test_a_superuser_gives_rights(admin, world, powerful):
    ana = world.person("ana")
    form = form_of(admin, ana) | {"is_staff": "on", "groups": [powerful.pk]}
    assert admin.post(page_of(ana), form).status_code == 302
    assert powers(ana)[1:3] == (True, {powerful})


def test_a_person_made_in_the_admin_is_there_with_name_and_zone(admin):
    form = form_in(admin.get(reverse("admin:schedules_user_add")), "user_form")
    secret = {"usable_password": "true", "password1": "a long new secret", "password2": "a long new secret"}
    form |= {"username": "zoe", "first_name": "Zoe", "time_zone": "Europe/Berlin", **secret}
    assert admin.post(reverse("admin:schedules_user_add"), form).status_code == 302
    zoe = User.objects.get(username="zoe")
    assert (zoe.name, str(zoe.time_zone), zoe.check_password("a long new secret")) == ("Zoe", "Europe/Berlin", True)


# --- what a team owns -------------------------------------------------------------------------------------------------


@pytest.fixture
def owned(admin, world):
    """`owned(1, Rotation)`: the rotation of team 1, given to it in the admin; likewise a schedule, a policy, of team 2."""
    people = {1: world.person("ana", is_staff=True), 2: world.person("dee", is_staff=True)}
    teams = {number: world.team(f"Team {number}", person) for number, person in people.items()}

    @cache
    def give(number: int, model: type[Model]) -> Model:
        [schedule] = world.weekly(people[number], positions=1)
        policy = world.policy((timedelta(hours=1), people[number]))
        made: list[Model] = [schedule.layers.get().rotation, schedule, policy]
        obj = next(each for each in made if isinstance(each, model))
        assert admin.post(page_of(obj), form_of(admin, obj) | {"team": teams[number].pk}).status_code == 302
        obj.refresh_from_db()
        return obj

    return give


@pytest.mark.parametrize("model", [Rotation, Schedule, EscalationPolicy], ids=lambda model: model.__name__)
def test_a_team_changes_its_own_and_not_another_teams(owned, model):
    ana = browser_of(User.objects.get(username="ana"))
    ours, theirs = owned(1, model), owned(2, model)
    assert ana.post(page_of(ours), form_of(ana, ours) | {"name": "Ours"}).status_code == 302
    ours.refresh_from_db()
    assert ours.name == "Ours"
    before = everything()
    assert ana.get(page_of(theirs)).status_code == 200, "everyone may look"
    assert ana.post(page_of(theirs), form_of(ana, ours) | {"name": "Theirs"}).status_code == 403
    for obj in (ours, theirs):
        assert ana.post(page_of(obj, "delete"), {"post": "yes"}).status_code == 403
    assert ana.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add")).status_code == 403
    assert everything() == before


@pytest.mark.parametrize("model", [Rotation, Schedule, EscalationPolicy], ids=lambda model: model.__name__)
def test_a_team_gives_nothing_away_and_what_is_given_to_another_is_changed_by_that_team_only(admin, owned, model):
    ana, dee = (browser_of(User.objects.get(username=name)) for name in ("ana", "dee"))
    ours, second = owned(1, model), Team.objects.get(name="Team 2")
    form = form_of(ana, ours)
    assert "team" not in form
    ana.post(page_of(ours), form | {"team": second.pk})
    ours.refresh_from_db()
    assert ours.team.name == "Team 1"
    assert admin.post(page_of(ours), form_of(admin, ours) | {"team": second.pk}).status_code == 302
    assert ana.post(page_of(ours), {"name": "x"}).status_code == 403
    assert dee.post(page_of(ours), form_of(dee, ours) | {"name": "Taken over"}).status_code == 302
    ours.refresh_from_db()
    assert ours.name == "Taken over"


def test_a_team_changes_the_rows_of_its_own_rotation_only(owned, world):
    ana, bo = browser_of(User.objects.get(username="ana")), world.person("bo")
    ours, theirs = owned(1, Rotation), owned(2, Rotation)
    more = {"participants-TOTAL_FORMS": "2", "participants-1-user": bo.pk, "participants-1-order": "1"}
    assert ana.post(page_of(ours), form_of(ana, ours) | more).status_code == 302
    assert [str(p) for p in ours.participants.all()] == ["Ana", "Bo"]
    # A row of the other rotation, named in a crafted form.
    before = Participant.objects.filter(rotation=theirs).values_list()
    row = {"participants-0-id": theirs.participants.get().pk, "participants-0-user": bo.pk}
    ana.post(page_of(ours), form_of(ana, ours) | row)
    assert list(Participant.objects.filter(rotation=theirs).values_list()) == list(before)


# --- times ------------------------------------------------------------------------------------------------------------


def test_times_are_on_the_readers_own_clock_and_in_utc(world, coach, main):
    coach.time_zone = "America/New_York"
    coach.save()
    browser = browser_of(coach)
    override = Override.objects.create(
        schedule=main, user=world.person("cy"), start=MONDAY, end=MONDAY + timedelta(hours=3)
    )
    form = form_of(browser, main)
    assert (form["overrides-0-start_1"], form["overrides-0-end_1"]) == (["04:00:00"], ["07:00:00"])
    assert browser.post(page_of(main), form).status_code == 302
    again = Override.objects.get()
    assert (again.start, again.end) == (override.start, override.end), "saved unchanged, it stays where it was"


# --- a rotation and its schedules in one form -------------------------------------------------------------------------


def new_rotation(admin, **more) -> dict:
    form = form_in(admin.get(reverse("admin:schedules_rotation_add")), "rotation_form")
    return form | {"name": "Bangalore", "time_zone": "Asia/Kolkata", "first_day": "2026-01-05", **more}


def test_one_form_makes_table_7_6_in_business_hours(admin, world):
    """A1, A4, A7: one list of people, three schedules that read it."""
    people = [world.person(name) for name in ("ana", "bo", "cy")]
    rows = {f"participants-{n}-user": user.pk for n, user in enumerate(people)}
    form = new_rotation(admin, make="3", hours="mon-fri 9:00-17:00", holidays="IN-KA", **rows)
    assert admin.post(reverse("admin:schedules_rotation_add"), form).status_code == 302
    found = {s.name: [d.user.username for d in on_call(s, MONDAY)] for s in Schedule.objects.all()}
    assert found == {"Bangalore main": ["ana"], "Bangalore backup 1": ["bo"], "Bangalore backup 2": ["cy"]}
    evening = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)  # 17:30 in Bangalore
    assert on_call(Schedule.objects.get(name="Bangalore main"), evening) == []
    republic_day = datetime(2026, 1, 26, 6, 0, tzinfo=UTC)
    assert on_call(Schedule.objects.get(name="Bangalore main"), republic_day) == []


def test_whoever_is_first_in_the_list_is_first_on_duty_and_all_positions_are_shown(admin, world):
    people = [world.person(name) for name in ("ana", "bo", "cy")]
    rows = {f"participants-{n}-user": user.pk for n, user in enumerate(people)}
    fresh = form_in(admin.get(reverse("admin:schedules_rotation_add")), "rotation_form")
    form = fresh | {"name": "Team", "time_zone": "UTC", "make": "3", **rows}
    shown = text(admin.post(reverse("admin:schedules_rotation_add"), form | {"_continue": "1"}, follow=True))
    assert "Tocsin also made these schedules: Team main, Team backup 1, Team backup 2." in shown
    assert (
        "<td>Ana</td><td>Bo</td><td>Cy</td>" in shown.partition("The next turns, as saved")[2].partition("</tr><tr>")[0]
    )


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("first_day", "9999-12-31", "Enter 2199-12-31 or earlier."),
        ("first_day", "0001-01-01", "Enter 1970-01-01 or later."),
        ("every", "0", "Enter 1 or more."),
        ("handover", "25:00", "Write a time of day, for example 09:00."),
        ("hours", "9 to 5", "“9 to 5” is not understood. Write, for example, “Mon-Fri 09:00-17:00” or “Mon-Fri 9-17”."),
        ("hours", "Mon-Fri 09:00-25:00", "25:00 is not a time of day"),
        ("hours", "Moo 09:00-17:00", "“Moo” is not a day of the week"),
        ("holidays", "Atlantis", "“Atlantis” is not a country or state"),
        ("name", "Team 1", "There is already a schedule called “Team 1 main”."),
    ],
)
def test_what_is_wrong_in_the_form_is_said_and_nothing_is_made(admin, field, value, sentence):
    Schedule.objects.create(name="Team 1 main")
    shown = text(admin.post(reverse("admin:schedules_rotation_add"), new_rotation(admin, **{field: value})))
    assert sentence in shown
    assert not Rotation.objects.exists() and Schedule.objects.count() == 1


# --- what an edit changes ---------------------------------------------------------------------------------------------


def test_the_look_ahead_says_what_changes_and_saves_nothing(admin, main):
    """E12: the person on duty stays; the next ones change."""
    rotation, before = Rotation.objects.get(), everything()
    form = form_of(admin, rotation) | {"time_zone": "Asia/Kolkata", "_look": "1"}
    form |= {"participants-0-order": "1", "participants-1-order": "0"}
    shown = text(admin.post(page_of(rotation), form))
    assert everything() == before
    table = shown.partition("Not saved yet.")[2].partition("</table>")[0]
    assert "Mon 19 Jan 2026, 03:30" in table and "Mon 5 Jan" not in table
    assert "In the next 8 weeks this would change" in shown
    assert "Asia/Kolkata" in shown.partition('id="rotation_form"')[2]  # what was typed in is still there


def test_a_new_rotation_is_on_its_teams_clock_unless_it_names_its_own(admin, world):
    team = world.team("Pune", world.person("ana"))
    Team.objects.filter(pk=team.pk).update(time_zone="Asia/Kolkata")
    add = reverse("admin:schedules_rotation_add")
    refused = text(admin.post(add, new_rotation(admin, name="Nobody's", time_zone="")))
    assert "Choose a time zone, or a team whose time zone is used." in refused and not Rotation.objects.exists()
    assert admin.post(add, new_rotation(admin, name="A", team=team.pk, time_zone="")).status_code == 302
    assert admin.post(add, new_rotation(admin, name="B", team=team.pk, time_zone="Europe/Berlin")).status_code == 302
    zones = dict(Schedule.objects.filter(name__endswith=" main").values_list("name", "time_zone"))
    assert {name: str(zone) for name, zone in zones.items()} == {"A main": "Asia/Kolkata", "B main": "Europe/Berlin"}


def test_save_and_add_another_keeps_the_rhythm_and_the_hours(admin, world):
    form = new_rotation(admin, make="3", hours="Mon-Fri 09:00-17:00", every="2", _addanother="1")
    shown = admin.post(reverse("admin:schedules_rotation_add"), form, follow=True).context["adminform"].form
    kept = {name: shown[name].value() for name in ("name", "make", "hours", "every", "unit", "time_zone")}
    assert kept == {
        "name": None, "make": "3", "hours": "Mon-Fri 09:00-17:00", "every": "2", "unit": "weeks", "time_zone": ""
    }  # fmt: skip


def test_c18_what_would_leave_nobody_or_one_person_twice_is_said_at_the_top(admin, world):
    """C18: a rotation without people, or with one person for main and backup, a schedule without layers: saved in plain green."""

    def said(page: str, form: dict) -> str:
        return text(admin.post(page, form, follow=True))

    add = "/admin/schedules/rotation/add/"
    plan = {"name": "Empty", "time_zone": "UTC", "make": "2"}
    assert "Nobody takes turns in Empty: it has no people." in said(add, new_rotation(admin, **plan))
    kim, lee = world.person("kim"), world.person("lee")
    twice = "puts the same person on duty as main and as backup at once: Kim."
    for name, crew, wrong in (("Alone", [kim], True), ("Same", [kim, kim, lee], True), ("Pair", [kim, lee], False)):
        people = {f"participants-{row}-user": user.pk for row, user in enumerate(crew)}
        shown = said(add, new_rotation(admin, **plan | {"name": name}, **people))
        assert (f"{name} {twice}" in shown) == wrong, shown
    form = form_in(admin.get("/admin/schedules/schedule/add/"), "schedule_form") | {"name": "Bare", "time_zone": "UTC"}
    assert "Nobody is on duty on Bare: it has no layers." in said("/admin/schedules/schedule/add/", form)
    bare, now = Schedule.objects.get(name="Bare"), MONDAY
    for end, wrong in ((now - HOUR, True), (now + HOUR, False)):
        Override.objects.create(schedule=bare, user=kim, start=now - 2 * HOUR, end=end)
        assert ("it has no layers" in said(page_of(bare), form)) == wrong, "somebody takes over, now or later"
    backup = Schedule.objects.get(name="Alone backup")
    form = form_in(admin.get(page_of(backup)), "schedule_form")
    assert f"Alone {twice}" in said(page_of(backup), form)


@pytest.mark.parametrize(
    ("people", "layers", "wrong"),
    [
        ("kim", [(0, "8-20"), (1, "20-24")], False),
        ("kim", [(0, "8-20"), (1, "19-24")], True),
        ("kim", [(0, "Sun 20-08:00"), (1, "Mon 07-09:00")], True),
        ("kim", [(0, "Sun 20-08:00"), (1, "Mon 08-09:00")], False),
        ("kim", [(1, "")], True),
        ("kim", [(0, ""), (0, "")], False),
        ("kim lee", [(0, ""), (1, "")], False),
        ("kim lee", [(0, ""), (1, "9-17"), (2, "17-9")], True),
        ("kim lee", [(0, "9-17"), (2, "17-9")], False),
        ("kim lee may", [(0, ""), (1, ""), (2, "")], False),
    ],
)
def test_c18_one_person_is_on_duty_twice_only_in_hours_in_which_both_layers_count(world, people, layers, wrong):
    """C18: each layer lies in a schedule of its own; then all lie in one, where the last one wins."""
    crew = [world.person(name) for name in people.split()]
    schedules = world.weekly(*crew, positions=len(layers))
    for schedule, (position, hours) in zip(schedules, layers, strict=True):
        Layer.objects.filter(schedule=schedule).update(position=position, hours=hours)
    rotation = Rotation.objects.get()
    assert bool(lacks.of_rotation(rotation)) == wrong
    assert any(lacks.of_schedule(schedule, MONDAY) for schedule in schedules) == wrong
    Layer.objects.update(schedule=schedules[0])
    alone = layers[0][0] > 0  # nobody reads the main position yet
    assert bool(lacks.of_rotation(rotation)) == alone
    Layer.objects.update(adds=True)
    assert bool(lacks.of_rotation(rotation)) == wrong


def weekdays(admin, world, people=14, **more) -> dict:
    rows = {f"participants-{n}-user": world.person(f"p{n}").pk for n in range(people)}
    rows["participants-TOTAL_FORMS"] = str(people)
    form = {"unit": "days", "first_day": "2026-11-30", "time_zone": "Europe/Berlin", "hours": "Mon-Fri 09:00-17:00"}
    return new_rotation(admin, make="1", **form | rows | more)


def test_a_new_rotation_of_weekdays_counts_the_days_of_its_hours(admin, world):
    """Case 70: nobody has to know; whoever wants each day to count says so, and is told what that means."""
    add = reverse("admin:schedules_rotation_add")
    assert admin.post(add, weekdays(admin, world)).status_code == 302
    rotation = Rotation.objects.get()
    assert (
        rotation.duty_days,
        "1 day (Mon-Fri)" in text(admin.get(reverse("admin:schedules_rotation_changelist"))),
    ) == (
        "Mon-Fri",
        True,
    )
    [schedule] = Schedule.objects.all()
    days = (datetime(2026, 11, 30, 12, tzinfo=UTC) + timedelta(days=n) for n in range(18))
    had = [duty.user.username for day in days for duty in on_call(schedule, day)]
    assert had == [f"p{n}" for n in range(14)]


def test_turns_that_would_go_by_with_nobody_on_duty_are_said_before_saving(admin, world):
    """Case 70: once, at the rotation and at the schedule; the second time it is saved as it is."""
    add = reverse("admin:schedules_rotation_add")
    form = weekdays(admin, world, duty_days="Mon-Sun")
    before = everything()
    shown = admin.post(add, form)
    said = "28 of 98 turns go by with nobody on duty"
    assert said in text(shown) and "4 of 14 in the list never have a shift: P5, P6, P12, P13." in text(shown)
    assert "were added, too" not in text(shown) and everything() == before
    assert admin.post(add, form | {"_hints": form_in(shown, "rotation_form")["_hints"]}).status_code == 302
    rotation, schedule = Rotation.objects.get(), Schedule.objects.get()
    assert admin.post(page_of(rotation), form_of(admin, rotation) | {"name": "Other"}).status_code == 302, (
        "known by now"
    )
    Rotation.objects.update(duty_days="")
    schedule.layers.update(hours="")
    form = form_of(admin, schedule) | {"layers-0-hours": "Mon-Fri 09:00-17:00"}
    shown = admin.post(page_of(schedule), form)
    assert said in text(shown) and "Set the days of duty of the rotation to “Mon-Fri”." in text(shown)
    assert not Schedule.objects.filter(layers__hours__gt="").exists()
    assert admin.post(page_of(schedule), form_in(shown, "schedule_form")).status_code == 302
    assert Schedule.objects.filter(layers__hours__gt="").exists()


def test_the_look_ahead_at_a_new_rotation(admin, world):
    form = new_rotation(admin, make="1", **{"participants-0-user": world.person("ana").pk, "_look": "1"})
    before = everything()
    shown = text(admin.post(reverse("admin:schedules_rotation_add"), form))
    assert everything() == before
    assert "Bangalore main" in shown.partition("Not saved yet.")[2].partition("</table>")[0]
    assert "These schedules were added" not in shown, "C5"


def test_the_look_ahead_at_a_schedule_is_in_words(admin, main, world):
    """C2: the length of the look is one thing, the weeks of the drawing below it another."""
    form = form_of(admin, main) | {"layers-0-hours": "Mon-Fri 09:00-17:00", "_look": "1"}
    shown = text(admin.post(page_of(main), form))
    assert "In the next 8 weeks this would change" in shown and "datetime.date(" not in shown


def test_saving_keeps_who_is_on_duty_and_says_what_changes(admin, main, world):
    """E12"""
    rotation = Rotation.objects.get()
    form = form_of(admin, rotation) | {"participants-0-user": world.person("cy").pk}
    shown = text(admin.post(page_of(rotation), form, follow=True))
    assert (
        "This changes who is on duty" in shown
        and "first on rotation 0 main, from Mon 19 Jan 2026, 09:00 (UTC)" in shown
    )
    assert [duty.user.username for duty in on_call(main, MONDAY)] == ["ana"]
    assert [duty.user.username for duty in on_call(main, MONDAY + timedelta(weeks=2))] == ["cy"]


def test_five_days_of_the_same_are_one_line(admin, main, world):
    main.layers.update(hours="Mon-Fri 09:00-17:00")
    form = form_of(admin, Rotation.objects.get()) | {"participants-0-user": world.person("cy").pk, "_look": "1"}
    shown = (
        text(admin.post(page_of(Rotation.objects.get()), form)).partition("Not saved yet.")[2].partition("</table>")[0]
    )
    # The head, three of Ana's weeks, and the first minutes of the fourth.
    assert shown.count("<tr>") == 5 and shown.count("in 5 parts, with breaks") == 3


def test_the_last_hand_over_note_is_on_the_schedules_page(admin, main, coach):
    """A12"""
    main.notes.create(by=coach, at=MONDAY, text="the disk is nearly full")
    assert "the disk is nearly full" in text(admin.get(page_of(main)))


def test_at_once_is_a_choice(admin, main, world):
    rotation = Rotation.objects.get()
    form = form_of(admin, rotation) | {"participants-0-user": world.person("cy").pk, "at_once": "on"}
    admin.post(page_of(rotation), form)
    now = MONDAY + timedelta(minutes=5)
    assert [duty.user.username for duty in on_call(main, now)] == ["cy"]
    assert [duty.user.username for duty in on_call(main, MONDAY)] == ["ana"]


def test_a_schedule_with_layers_is_drawn_lane_by_lane(admin, main, world):
    """A7, A11"""
    dee = world.person("dee")
    [night] = world.weekly(dee, positions=1)
    rotation = night.layers.get().rotation
    main.layers.create(rotation=rotation, order=1, hours="Mon-Sun 22:00-06:00")
    Override.objects.create(schedule=main, user=dee, start=MONDAY, end=MONDAY + timedelta(hours=2))
    shown = text(admin.get(page_of(main)))
    lanes = re.findall('class="lane-name">([^<]*)', shown)
    assert lanes[:4] == ["rotation 0, main", "rotation 1, main", "overrides and swaps", "on duty"]
    assert "Times are in UTC" in shown
