"""Every page of the admin: it opens, it costs the same however much there is, and it cannot stop the engine."""

import html
import re
from collections.abc import Callable
from datetime import timedelta
from itertools import count

import pytest
from axes.models import AccessAttempt
from django.contrib.admin import site
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.db.models import Model
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from dispatching import example
from dispatching.models import (
    Alert,
    Attempt,
    ContactPoint,
    ContactRule,
    Delivery,
    EscalationPolicy,
    Integration,
    Notice,
    Priority,
    Recipient,
    Service,
    Step,
    SweepRecord,
    Target,
)
from dispatching.notices import notices
from schedules.models import (
    Absence,
    ApiToken,
    CalendarFeed,
    CalendarLink,
    HandoverNote,
    Layer,
    Participant,
    Rotation,
    Schedule,
    SwapRequest,
    Team,
    User,
)
from stakeholders import example as stakeholders_example
from stakeholders.groups import changing
from stakeholders.models import (
    ChangeRequest,
    Deployment,
    NotificationDefinition,
    Outage,
    PageAnswer,
    PageViews,
    Product,
    ScheduleSubscription,
    StakeholderGroup,
    StakeholderRing,
    Subscription,
    Suppression,
)
from stakeholders.news import outages
from tests import links
from tests.browser import browser_of, everything, form_in, text
from tests.sure import sure
from tests.world import MONDAY, World, at

pytestmark = pytest.mark.django_db
VITAL = ("sweep", "audit", "calendars")


@pytest.fixture(autouse=True)
def clock(clock):
    clock.move_to(MONDAY + timedelta(minutes=5), tick=False)
    return clock


@pytest.fixture(scope="module")
def lasting_organisation(lasting) -> None:
    with lasting(), at(MONDAY + timedelta(minutes=5)):
        make_organisation(World())
        links.check()


@pytest.fixture
def organisation(lasting_organisation, db) -> None:
    """The example, with an alert on its way, the engine's own entries and one of somebody else's."""


def make_organisation(world: World) -> None:
    example.load(None)
    stakeholders_example.load(now=world.now)
    ContactPoint.objects.update(channel="memory")
    world.trigger(Integration.objects.get())
    notices.tell(
        User.objects.get(username="ana"), "k", Notice.Kind.REMINDER, "Your shift", {"start": world.now}, now=world.now
    )
    every = IntervalSchedule.objects.create(every=5, period="seconds")
    for name in (*VITAL, "ours"):
        PeriodicTask.objects.create(name=name, interval=every, task=f"dispatching.tasks.{name}")
    CrontabSchedule.objects.create(minute="0")
    some_token()
    AccessAttempt.objects.create(username="ana", failures_since_start=1)
    makers: list[Callable[[], Model]] = [some_absence, some_swap, some_note, some_feed, some_link, some_change]
    makers += [some_outage, some_suppression, some_views, some_answer, some_membership]
    for make in makers:
        make()


@pytest.fixture
def coach(organisation):
    return browser_of(User.objects.get(username="coach"))


def address(model: type[Model], page: str, *args) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def label(model: type[Model]) -> str:
    return model._meta.label


# --- every page opens -------------------------------------------------------------------------------------------------


def example_of(model: type[Model]) -> Model:
    found = Group.objects.filter(team=None) if model is Group else model._default_manager
    obj = found.first()
    assert obj, f"the fixture `organisation` has no {label(model)}: give it one"
    return obj


def test_every_list_opens(coach):
    pages = {label(model): coach.get(address(model, "changelist")).status_code for model in site._registry}
    assert set(pages.values()) == {200}, pages


@pytest.mark.parametrize("model", [Service, Deployment, Product, StakeholderGroup])
def test_a_name_that_is_taken_is_refused_once_and_at_its_field(coach, model):
    """C19: in the same letters or others; and a browser asks for no favicon that is not there."""
    taken = sure(model._base_manager.first())
    for name in (taken.name, taken.name.upper()):
        shown = coach.post(address(model, "add"), {"name": name}).content.decode()
        form = shown.partition("<fieldset")[2]
        assert (shown.count("There is already a "), shown.count("already exists")) == (1, 0)
        assert "There is already a " in form, "beside the field"
    assert '<link rel="icon" href="data:,"' in shown


def test_every_search_opens_and_finds_nothing_or_something(coach):
    searchable = [model for model, admin in site._registry.items() if admin.search_fields]
    pages = {label(m): coach.get(address(m, "changelist"), {"q": "ana 1"}).status_code for m in searchable}
    assert set(pages.values()) == {200}, pages


def test_a_box_that_searches_as_one_types_does_not_break_on_what_no_text_can_contain(coach):
    """S17: NUL; a list's own search form checks its words, these boxes do not."""
    box = {"app_label": "dispatching", "model_name": "escalationpolicy", "field_name": "team"}
    assert coach.get(reverse("admin:autocomplete"), {**box, "term": "Team"}).json()["results"]
    assert coach.get(reverse("admin:autocomplete"), {**box, "term": "a\0"}).status_code == 400


def test_every_add_page_opens_where_adding_is_allowed(coach):
    def add(model: type[Model]) -> int:
        return coach.get(address(model, "add")).status_code

    pages = {label(model): add(model) for model in site._registry}
    engines = {"dispatching.Alert", "dispatching.Delivery", "dispatching.Notice", "dispatching.SweepRecord"}
    engines |= {"schedules.SwapRequest", "schedules.HandoverNote", "stakeholders.ChangeRequest"}
    engines |= {"schedules.ApiToken", "axes.AccessAttempt"}  # made by their owners, and by wrong passwords
    engines |= {"stakeholders.Subscription", "stakeholders.Suppression"}
    engines |= {"stakeholders.PageViews", "stakeholders.PageAnswer"}
    assert pages == {each: 403 if each in engines else 200 for each in pages}


@pytest.mark.parametrize("page", ["change", "history", "delete"])
def test_every_page_of_an_object_opens(coach, page):
    """Deleting may be refused, never by an error."""
    allowed = {200, 403} if page == "delete" else {200}
    pages = {
        label(model): coach.get(address(model, page, example_of(model).pk)).status_code for model in site._registry
    }
    assert set(pages.values()) <= allowed, pages


def test_every_page_opens_for_staff_without_any_right_or_is_refused(coach):
    """What everybody may look at is shown without an error, and nothing in it can be saved."""
    reader = browser_of(User.objects.create(username="reader", is_staff=True))
    pages = {}
    for model in site._registry:
        pages[label(model), "list"] = reader.get(address(model, "changelist")).status_code
        pages[label(model), "add"] = reader.get(address(model, "add")).status_code
        pages[label(model), "change"] = reader.get(address(model, "change", example_of(model).pk)).status_code
    assert set(pages.values()) == {200, 403}, pages
    assert {page for (_, page), status in pages.items() if status == 200} == {"list", "change"}
    before = everything()
    for model in site._registry:
        reader.post(address(model, "change", example_of(model).pk), {"name": "x", "_save": "1"})
        reader.post(address(model, "delete", example_of(model).pk), {"post": "yes"})
    assert everything() == before


def test_a_page_for_nobody_redirects_and_never_breaks(coach):
    """A number that is not there, and text where a number belongs."""
    for model in site._registry:
        for pk in ("999999999", "x", "99999999999999999999999"):
            assert coach.get(address(model, "change", pk)).status_code == 302, (label(model), pk)


def test_the_index_and_the_side_bar_name_everything_once(coach):
    page = text(coach.get("/admin/"))
    for group in ("Now", "Who", "What", "System"):
        assert f">{group}" in page or f"> {group}" in page
    for model in site._registry:
        assert address(model, "changelist") in page, label(model)
    assert 'href="/on-call/"' in page


# --- a list is filtered by what it offers, and by nothing else ------------------------------------------------------


def test_every_filter_that_a_list_offers_opens(coach, monkeypatch):
    monkeypatch.setattr(site, "get_app_list", lambda request: [])  # 440 times the same side bar
    for model in site._registry:
        page = coach.get(address(model, "changelist")).content.decode()
        links = [html.unescape(link) for link in re.findall(r'href="(\?[^"]*=[^"]*)"', page)]
        for link in links:
            assert coach.get(address(model, "changelist") + link).status_code == 200, (label(model), link)


def test_no_list_takes_a_lookup_that_it_does_not_offer(coach):
    """S6, S9: letter by letter a lookup spells out what the page hides, and a regular expression holds the database."""
    ways = ("", "__exact", "__startswith", "__regex", "__gt", "__in", "__isnull")
    taken = []
    for model, admin in site._registry.items():
        offered = {each if isinstance(each, str) else getattr(each, "parameter_name", "") for each in admin.list_filter}
        columns = [field.name for field in model._meta.concrete_fields if field.name not in offered | {"delivery"}]
        asked = [f"{column}{how}" for column in columns for how in ways] + [f"{f}__regex" for f in offered if f]
        far = (
            "user__password__startswith",
            "owner__password__startswith",
            "user__auth_token__key__startswith",
            "pk__in",
        )
        for lookup in (*asked, *far):
            if admin.lookup_allowed(lookup, "1", RequestFactory().get("/")):
                taken.append((label(model), lookup))
    assert taken == []
    attacks = [
        (CalendarLink, "token__startswith=B"),
        (CalendarFeed, "url__startswith=https://"),
        (ApiToken, "key_hash__startswith=2"),
        (Delivery, "body__contains=/a/W"),
        (Alert, "summary__regex=^(.*)(.*)(.*)(.*)\\1\\2\\3\\4c$"),
        (Integration, "name__regex=%00"),
        (User, "password__startswith=p"),
    ]
    answers = {query: coach.get(f"{address(model, 'changelist')}?{query}").status_code for model, query in attacks}
    assert answers == dict.fromkeys(answers, 400)


# --- the same number of queries for many rows -------------------------------------------------------------------------

serial = count(1000)


def make_alerts(n: int) -> None:
    source = Integration.objects.select_related("service").get()
    services, levels = list(Service.objects.all()), list(Priority.objects.all())
    coach = User.objects.get(username="coach")
    Alert.objects.bulk_create(
        Alert(
            integration=source,
            service=services[i % len(services)],
            priority=levels[i % len(levels)],
            dedup_key=f"many-{i}",
            summary=f"alert {i}",
            details={"i": i},
            state=("triggered", "acknowledged")[i % 2],
            acknowledged_at=MONDAY if i % 2 else None,
            acknowledged_by=coach if i % 2 else None,
            first_at=MONDAY,
            last_at=MONDAY,
        )
        for i in (next(serial) for _ in range(n))
    )


def make_deliveries(n: int) -> None:
    points = list(ContactPoint.objects.all())
    made = Delivery.objects.bulk_create(
        Delivery(
            contact_point=points[i % len(points)],
            channel="memory",
            recipient_name=f"person {i}",
            subject=f"alert {i}",
            body="words " * 10,
            created_at=MONDAY,
            sent_at=MONDAY,
            state="sent",
        )
        for i in range(n)
    )
    Attempt.objects.bulk_create(Attempt(delivery=each, number=1, at=MONDAY, outcome="accepted") for each in made)
    make_notices(min(n, 40))


def make_notices(n: int) -> None:
    for _ in range(n // 2):
        key = str(next(serial))
        notices.tell(
            User.objects.get(username="ana"), key, Notice.Kind.REMINDER, "shift", {"start": MONDAY}, now=MONDAY
        )
        notices.tell(some_user(), key + "-unreachable", Notice.Kind.NEWS, "broken", {}, now=MONDAY)


def some_user() -> User:
    user = User.objects.create(username=f"user-{next(serial)}", first_name="U")
    user.groups.add(sure(Team.objects.first()))
    return user


def some_recipient() -> Recipient:
    recipient = Recipient.objects.create(user=some_user())
    for n in range(3):
        point = recipient.contact_points.create(channel="memory", address=f"{recipient.pk}-{n}", verified=True)
        ContactRule.objects.create(contact_point=point, delay=timedelta(minutes=n))
    return recipient


def some_team() -> Team:
    team = Team.objects.create(name=f"team {next(serial)}", manager=some_user())
    team.user_set.add(some_user(), some_user())
    return team


def some_group() -> Group:
    group = Group.objects.create(name=f"group {next(serial)}")
    group.user_set.add(some_user())
    return group


def some_rotation() -> Rotation:
    rotation = Rotation.objects.create(name=f"rotation {next(serial)}", team=some_team())
    Participant.objects.create(rotation=rotation, user=some_user())
    return rotation


def some_schedule() -> Schedule:
    schedule = Schedule.objects.create(name=f"schedule {next(serial)}", team=some_team())
    Layer.objects.create(schedule=schedule, rotation=some_rotation())
    return schedule


def some_token() -> ApiToken:
    return ApiToken.make(some_user(), "export", "read", 30, now=MONDAY)[0]


def some_absence() -> Absence:
    return Absence.objects.create(user=some_user(), start=MONDAY, end=MONDAY + timedelta(days=1))


def some_swap() -> SwapRequest:
    span = {"start": MONDAY, "end": MONDAY + timedelta(days=1), "created_at": MONDAY}
    return SwapRequest.objects.create(schedule=some_schedule(), asked_by=some_user(), asked=some_user(), **span)


def some_note() -> HandoverNote:
    return HandoverNote.objects.create(schedule=some_schedule(), by=some_user(), at=MONDAY, text="x")


def some_feed() -> CalendarFeed:
    return CalendarFeed.objects.create(name=f"feed {next(serial)}", team=some_team(), url="https://example.com/a.ics")


def some_link() -> CalendarLink:
    return CalendarLink.objects.create(owner=some_user(), team=some_team())


def some_stakeholders() -> StakeholderGroup:
    group = StakeholderGroup.objects.create(name=f"group {next(serial)}", purpose="x", owner=some_user())
    group.deployments.add(some_deployment())
    group.products.add(Product.objects.create(name=f"product {next(serial)}"))
    return group


def some_deployment() -> Deployment:
    return Deployment.objects.create(name=f"deployment {next(serial)}")


def some_change() -> ChangeRequest:
    later = MONDAY + timedelta(days=1)
    return changing.submit(some_stakeholders(), what="x", why="y", due_at=later, by=some_user(), now=MONDAY)


def some_outage() -> Outage:
    return outages.declare(Outage(title="Uploads fail", started_at=MONDAY), now=MONDAY)


def some_suppression() -> Suppression:
    return Suppression.objects.create(address_hash=str(next(serial)), reason=Suppression.Reason.BOUNCED, at=MONDAY)


def some_views() -> PageViews:
    return PageViews.objects.create(page="help", day=MONDAY.date() + timedelta(days=next(serial)))


def some_answer() -> PageAnswer:
    return PageAnswer.objects.create(page="help", day=MONDAY.date(), helped=True)


def some_membership() -> ScheduleSubscription:
    return ScheduleSubscription.objects.create(schedule=some_schedule(), group=some_stakeholders(), since=MONDAY)


def some_definition() -> NotificationDefinition:
    return NotificationDefinition.objects.create(name=f"definition {next(serial)}", service=some_service())


def some_subscription() -> Subscription:
    recipient = Recipient.objects.create(display_name=f"subscriber {next(serial)}")
    point = ContactPoint.objects.create(recipient=recipient, channel="memory", address=recipient.display_name)
    return Subscription.objects.create(contact_point=point, group=some_stakeholders(), asked_at=MONDAY)


def some_policy() -> EscalationPolicy:
    policy = EscalationPolicy.objects.create(name=f"policy {next(serial)}", team=some_team())
    Target.objects.create(step=Step.objects.create(policy=policy), user=some_user())
    return policy


def some_service() -> Service:
    return Service.objects.create(name=f"service {next(serial)}", team=some_team(), policy=some_policy())


def some_integration() -> Integration:
    integration = Integration(name=f"integration {next(serial)}", service=some_service())
    integration.new_key()
    integration.save()
    return integration


def some_task() -> PeriodicTask:
    every = IntervalSchedule.objects.create(every=next(serial), period="seconds")
    return PeriodicTask.objects.create(name=f"task {every.every}", interval=every, task="x")


def each(make: Callable[[], Model]) -> Callable[[int], None]:
    def make_all(n: int) -> None:
        for _ in range(n):
            make()

    return make_all


# How more rows of each kind are made, and how many of them. Priorities: at most five.
MORE: dict[type[Model], tuple[Callable[[int], None], int]] = {
    Alert: (make_alerts, 9_990),
    Delivery: (make_deliveries, 9_990),
    Notice: (make_notices, 28),
    User: (each(some_user), 27),
    Team: (each(some_team), 27),
    Group: (each(some_group), 27),
    Rotation: (each(some_rotation), 27),
    Schedule: (each(some_schedule), 27),
    Absence: (each(some_absence), 27),
    SwapRequest: (each(some_swap), 27),
    HandoverNote: (each(some_note), 27),
    CalendarFeed: (each(some_feed), 27),
    CalendarLink: (each(some_link), 27),
    Recipient: (each(some_recipient), 27),
    EscalationPolicy: (each(some_policy), 27),
    Service: (each(some_service), 27),
    Integration: (each(some_integration), 27),
    Priority: (each(lambda: Priority.objects.create(level=Priority.objects.count() + 1, name="P")), 2),
    Deployment: (each(some_deployment), 27),
    Product: (each(lambda: Product.objects.create(name=f"product {next(serial)}")), 27),
    StakeholderGroup: (each(some_stakeholders), 27),
    StakeholderRing: (each(lambda: StakeholderRing.objects.create(number=(n := next(serial)), name=str(n))), 27),
    ChangeRequest: (each(some_change), 27),
    Outage: (each(some_outage), 27),
    NotificationDefinition: (each(some_definition), 27),
    Subscription: (each(some_subscription), 27),
    Suppression: (each(some_suppression), 27),
    PageViews: (each(some_views), 27),
    PageAnswer: (each(some_answer), 27),
    ScheduleSubscription: (each(some_membership), 27),
    SweepRecord: (each(lambda: SweepRecord.objects.create(name=str(next(serial)), completed_at=MONDAY)), 27),
    PeriodicTask: (each(some_task), 27),
    IntervalSchedule: (each(lambda: IntervalSchedule.objects.create(every=next(serial), period="hours")), 27),
    CrontabSchedule: (each(lambda: CrontabSchedule.objects.create(minute="1")), 27),
    ApiToken: (each(lambda: some_token()), 27),
    AccessAttempt: (each(lambda: AccessAttempt.objects.create(username=next(serial), failures_since_start=1)), 27),
}


def test_every_list_is_in_the_table_of_queries():
    """Kinds that are registered by Django packages and cannot be many may stay out: there are none yet."""
    assert {label(model) for model in site._registry} == {label(model) for model in MORE}


def test_a_list_takes_the_same_number_of_queries_with_many_rows(coach):
    """Must show 8: 10 and 10,000 alerts and deliveries; 3 and 30 of what there are fewer of."""
    taken = {}
    for model, (make, more) in MORE.items():
        with transaction.atomic():
            if model is not Priority:
                make(10 if more > 1000 else 2)
            few = queries(coach, model)
            make(more)
            taken[label(model)] = (few, queries(coach, model))
            transaction.set_rollback(True)
    assert {name: found for name, found in taken.items() if not found[0] == found[1] <= 20} == {}


def queries(browser, model: type[Model]) -> int:
    path = address(model, "changelist")
    browser.get(path)  # what is looked up once a process
    with CaptureQueriesContext(connection) as taken:
        assert browser.get(path).status_code == 200
    return len(taken)


# --- the engine's own entries -----------------------------------------------------------------------------------------


def entries() -> list[tuple]:
    return list(
        PeriodicTask.objects.order_by("pk").values_list("name", "enabled", "interval__every", "one_off", "task")
    )


def test_the_engines_entries_cannot_be_changed_disabled_or_deleted(coach):
    """T6"""
    before = entries()
    for name in VITAL:
        task = PeriodicTask.objects.get(name=name)
        assert form_in(coach.get(address(PeriodicTask, "change", task.pk)), "periodictask_form").get("enabled") is None
        crafted = {"name": name, "task": "x", "interval": task.interval_id, "one_off": "on", "_save": "1"}
        assert coach.post(address(PeriodicTask, "change", task.pk), crafted).status_code == 403
        assert coach.get(address(PeriodicTask, "delete", task.pk)).status_code == 403
        assert coach.post(address(PeriodicTask, "delete", task.pk), {"post": "yes"}).status_code == 403
    assert entries() == before


ACTIONS = ["delete_selected", "disable_tasks", "enable_tasks", "toggle_tasks", "run_tasks"]


@pytest.mark.parametrize("action", ACTIONS)
def test_no_action_on_several_rows_reaches_the_engines_entries(coach, action):
    """T6"""
    before = entries()
    chosen = list(PeriodicTask.objects.values_list("pk", flat=True))
    for extra in ({}, {"post": "yes"}, {"select_across": "1", "post": "yes"}):
        coach.post(address(PeriodicTask, "changelist"), {"action": action, "_selected_action": chosen, **extra})
    assert entries() == before


@pytest.mark.parametrize("action", ["change", "delete"])
def test_the_rhythm_of_the_engine_cannot_be_stretched_or_taken_away(coach, action):
    """T6: deleting the rhythm would delete the entries, too."""
    before = entries()
    every = IntervalSchedule.objects.get()
    crafted = {"every": "9999", "period": "days", "post": "yes"}
    assert coach.post(address(IntervalSchedule, action, every.pk), crafted).status_code == 403
    assert entries() == before


def test_the_rhythm_of_the_engine_is_not_among_several_that_are_deleted(coach):
    """T6"""
    before = entries()
    spare = IntervalSchedule.objects.create(every=99, period="days")
    for chosen in ([spare.pk, IntervalSchedule.objects.get(every=5).pk], [IntervalSchedule.objects.get(every=5).pk]):
        data = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}
        coach.post(address(IntervalSchedule, "changelist"), data)
    assert entries() == before


def test_an_entry_of_somebody_else_is_theirs_to_change_and_delete(coach):
    task = PeriodicTask.objects.get(name="ours")
    form = form_in(coach.get(address(PeriodicTask, "change", task.pk)), "periodictask_form")
    form.pop("enabled")
    assert coach.post(address(PeriodicTask, "change", task.pk), form).status_code == 302
    task.refresh_from_db()
    assert not task.enabled
    coach.post(address(PeriodicTask, "delete", task.pk), {"post": "yes"})
    assert not PeriodicTask.objects.filter(name="ours").exists()


def test_no_entry_takes_the_name_of_the_engines(coach):
    """T6: renamed, it would stand in its place."""
    task = PeriodicTask.objects.get(name="ours")
    form = form_in(coach.get(address(PeriodicTask, "change", task.pk)), "periodictask_form") | {"name": "sweep"}
    before = entries()
    assert coach.post(address(PeriodicTask, "change", task.pk), form).status_code == 200
    assert entries() == before


# --- tokens -----------------------------------------------------------------------------------------------------------


def test_an_api_token_is_on_no_page(coach):
    """K13, S14: it is shown once, to whom makes it; nor is its hash."""
    token = ApiToken.objects.get()
    pages = [address(ApiToken, page, token.pk) for page in ("change", "delete", "history")]
    shown = {path: text(coach.get(path)) for path in [*pages, address(ApiToken, "changelist")]}
    shown["person"] = text(coach.get(address(User, "delete", token.user_id)))
    assert [path for path, page in shown.items() if token.key_hash in page] == []
    assert token.key_hint in shown[address(ApiToken, "changelist")]
    coach.post(address(ApiToken, "delete", token.pk), {"post": "yes"})
    assert not ApiToken.objects.exists()
