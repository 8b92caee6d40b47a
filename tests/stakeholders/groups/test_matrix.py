"""The matrix in the database: who would be told, the picture, the pages on it."""

from datetime import timedelta
from io import StringIO
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dispatching.models import ContactPoint, Priority, Recipient
from schedules.models import User
from stakeholders.groups import audience, groups, matrix
from stakeholders.models import Deployment, Product, StakeholderGroup, StakeholderRing, Subscription
from tests.browser import browser_of, everything, form_in, text
from tests.sure import sure
from tests.world import MONDAY, at

pytestmark = pytest.mark.django_db
US, EU, JP, SHOWCASE = "Production US", "Production EU", "Production JP", "Showcase worldwide"
MATRIX = "/admin/stakeholders/stakeholdergroup/matrix/"


@pytest.fixture(autouse=True)
def clock(clock):
    clock.move_to(MONDAY, tick=False)
    return clock


@pytest.fixture(scope="module")
def lasting_example(lasting) -> None:
    with lasting(), at(MONDAY):
        call_command("load_example", stdout=StringIO())


@pytest.fixture(autouse=True)
def example(lasting_example, db) -> None:
    """Rows of it that a test changes are as they were for the next one."""


@pytest.fixture
def coach():
    return browser_of(User.objects.get(username="coach"))


@pytest.fixture
def rep():
    return User.objects.get(username="rep")


def group(start: str) -> StakeholderGroup:
    return StakeholderGroup.objects.get(name__startswith=start)


def would(deployments: list[str], products: str, chosen: tuple[str, ...] = (), level: int = 0) -> audience.Audience:
    where, what = Deployment.objects.filter(name__in=deployments), Product.objects.filter(name__in=list(products))
    return audience.would_be_told(where, what, [group(name).pk for name in chosen], level=level)


def sales(found: audience.Audience) -> audience.Audience:
    """The part of the audience in the ring of marketing and sales, in which the groups of Table 8.4 lie."""
    return found.within(StakeholderRing.objects.get(number=3))


def numbers(found: audience.Audience) -> list[str]:
    return [each.group.name.partition(":")[0].removeprefix("Group ") for each in sales(found).told]


def subscribe(name: str, *names: str, points: int = 1, **more) -> Recipient:
    recipient = Recipient.objects.create(display_name=name)
    for n in range(points):
        point = recipient.contact_points.create(channel="memory", address=f"{name}-{n}", verified=True)
        for each in names:
            state = {"state": "active", "asked_at": MONDAY, "confirmed_at": MONDAY}
            Subscription.objects.create(contact_point=point, group=group(each), **state, **more)
    return recipient


# --- who would be told ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("deployments", "products", "reached"),
    [
        ([US], "B", ["2"]),
        ([EU], "C", ["5"]),
        ([EU], "AB", ["4", "5"]),
        ([JP], "A", ["6"]),
        ([JP], "ABC", ["6"]),
        ([SHOWCASE], "B", ["7"]),
    ],
)
def test_the_example_reaches_exactly_the_groups_of_table_8_4(deployments, products, reached):
    """B19 to B23"""
    found = would(deployments, products)
    assert (numbers(found), found.uncovered, found.beyond) == (reached, [], [])


def test_a_new_product_is_covered_by_all_and_a_gap_elsewhere():
    """B24, B26"""
    Product.objects.create(name="D", order=9)
    found = would([EU, JP], "D")
    assert numbers(found) == ["6"]
    assert found.uncovered == ["Production EU × D in ring 3: marketing and sales"]


def test_choosing_marketing_and_sales_reaches_the_matching_subgroups():
    """B17: whoever is in several of them counts once."""
    subscribe("cleo", "Group 4", "Group 5", "Group 6")
    found = would([EU], "AB", chosen=("Marketing",))
    assert numbers(found) == ["4", "5", "Marketing and sales"]
    assert found.people == 2  # cleo and the example's rep
    assert found.beyond == []


def test_a_group_chosen_beyond_what_is_affected_is_named():
    """B151"""
    found = would([EU], "A", chosen=("Group 4", "Group 6", "Leadership"))
    assert [each.name for each in found.beyond] == ["Group 6: Japan, all products"]


def test_counts_are_by_medium_and_a_person_with_two_addresses_is_one():
    """B14, B4"""
    subscribe("cleo", "Group 5", points=2)
    [told] = sales(would([EU], "B")).told
    assert told.counts == {"memory": 2, "email": 1}
    assert would([EU], "B").people == 4, "with coach in ring 1, and mo in ring 2"


def test_only_current_subscribers_count():
    """B2, B44"""
    Subscription.objects.all().delete()
    cleo = subscribe("cleo", "Group 1")
    assert would([US], "A").people == 1
    cleo.contact_points.update(disabled_reason="bounced")
    assert would([US], "A").people == 0
    cleo.contact_points.update(disabled_reason="")
    Subscription.objects.filter(contact_point__recipient=cleo).update(
        state="ended", ended_at=MONDAY, end_reason="asked to"
    )
    assert would([US], "A").people == 0


def test_who_narrowed_it_hears_only_of_that():
    """B18"""
    Subscription.objects.exclude(contact_point__recipient__user__username="rep").delete()
    subscribe("cleo", "Group 5", products=[Product.objects.get(name="C").pk])
    assert (would([EU], "B").people, would([EU], "C").people) == (1, 2)


def test_who_wants_only_the_important_is_not_told_of_less():
    Subscription.objects.all().delete()
    subscribe("cleo", "Group 1", least_priority=2)
    assert [would([US], "A", level=level).people for level in (0, 1, 2, 3)] == [1, 1, 1, 0]


def test_asking_costs_the_same_number_of_queries_for_many_groups(django_assert_num_queries):
    where, what = list(Deployment.objects.all()), list(Product.objects.all())
    with django_assert_num_queries(4):
        audience.would_be_told(where, what)
    for n in range(20):
        groups.StakeholderGroup.objects.create(name=f"more {n}", purpose="x").deployments.add(where[0])
    with django_assert_num_queries(4):
        audience.would_be_told(where, what)


# --- groups -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["name", "purpose"])
def test_a_group_needs_a_name_and_a_purpose(coach, missing):
    """B11"""
    page = "/admin/stakeholders/stakeholdergroup/add/"
    data = {"name": "new", "purpose": "to know", "openness": "product", missing: "  "}
    answer = coach.post(page, data)
    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == [missing]


def test_the_database_itself_refuses_a_group_without_a_purpose():
    """B11"""
    with pytest.raises(IntegrityError), transaction.atomic():
        StakeholderGroup.objects.create(name="new", purpose="")


def test_a_fresh_install_offers_the_four_usual_groups(coach):
    """B12: a click opens the form with name and purpose filled in."""
    Subscription.objects.all().delete()
    StakeholderGroup.objects.exclude(parent=None).delete()
    StakeholderGroup.objects.all().delete()
    page = text(coach.get(MATRIX))
    for usual in groups.USUAL:
        query = urlencode({"name": usual.name}).replace("+", "%20")
        assert f"?{query}&amp;purpose=" in page
    [first, *_] = groups.USUAL
    query = urlencode({"name": first.name, "purpose": first.purpose, "openness": first.openness})
    form = form_in(coach.get(f"/admin/stakeholders/stakeholdergroup/add/?{query}"), "stakeholdergroup_form")
    assert (form["name"], form["openness"]) == ([first.name], [first.openness])
    assert form["purpose"][0].strip() == first.purpose


def test_the_example_has_the_four_with_their_purposes_and_the_four_rings():
    """B12, B27"""
    four = StakeholderGroup.objects.filter(name__in=[usual.name for usual in groups.USUAL])
    assert len(four) == 4 and all(each.purpose and each.representatives.exists() for each in four)
    assert [ring.name for ring in StakeholderRing.objects.all()] == [
        *("product management", "leadership of the product delivery organisation"),
        *("marketing and sales", "partners and customers"),
    ]


def test_loading_the_example_again_changes_nothing(rep):
    group("Group 1").products.clear()
    before = {**everything(), "through": list(StakeholderGroup.products.through.objects.values_list())}
    call_command("load_example", stdout=StringIO())
    assert {**everything(), "through": list(StakeholderGroup.products.through.objects.values_list())} == before


@pytest.mark.parametrize("child", ["Group 5", "Marketing"])
def test_a_cycle_is_refused_at_the_field(child):
    """B16, B17"""
    top = group("Marketing")
    top.parent = group(child)
    with pytest.raises(ValidationError) as refused:
        top.full_clean()
    assert list(refused.value.message_dict) == ["parent"]


def test_the_form_names_the_field_of_a_cycle(coach):
    top = group("Marketing")
    page = reverse("admin:stakeholders_stakeholdergroup_change", args=[top.pk])
    data = form_in(coach.get(page), "stakeholdergroup_form") | {"parent": [group("Group 5").pk]}
    assert "Group 5: EU, products B and C is already part of Marketing and sales" in text(coach.post(page, data))
    top.refresh_from_db()
    assert top.parent is None


def test_a_half_coverage_is_refused_at_the_field(coach):
    page = "/admin/stakeholders/stakeholdergroup/add/"
    data = {"name": "new", "purpose": "x", "openness": "product", "deployments": [sure(Deployment.objects.first()).pk]}
    errors = coach.post(page, data).context["adminform"].form.errors
    assert errors == {"products": ["Choose the products that it covers there, or tick “all products”."]}


def test_the_owner_edits_the_group_and_cannot_give_it_away(rep):
    """B28"""
    mine, browser = group("Group 5"), browser_of(rep)
    page = reverse("admin:stakeholders_stakeholdergroup_change", args=[mine.pk])
    mo = User.objects.get(username="mo")
    data = form_in(browser.get(page), "stakeholdergroup_form")
    assert browser.post(page, data | {"advice": ["Tell them."], "owner": [mo.pk]}).status_code == 302
    mine.refresh_from_db()
    assert (mine.advice, mine.owner) == ("Tell them.", rep)


def test_somebody_else_may_only_look_until_the_group_is_theirs(coach, rep):
    mine, mo = group("Group 5"), User.objects.get(username="mo")
    page = reverse("admin:stakeholders_stakeholdergroup_change", args=[mine.pk])
    assert browser_of(mo).get(page).status_code == 200
    assert browser_of(mo).post(page, {"name": "x"}).status_code == 403
    data = form_in(coach.get(page), "stakeholdergroup_form")
    assert coach.post(page, data | {"owner": [mo.pk]}).status_code == 302
    may = "stakeholders.change_stakeholdergroup"
    mo, rep = User.objects.get(username="mo"), User.objects.get(username="rep")
    assert (mo.has_perm(may, mine), rep.has_perm(may, mine)) == (True, False)


def test_two_edits_of_the_coverage_do_not_cross(coach):
    mine = group("Group 5")
    page = reverse("admin:stakeholders_stakeholdergroup_change", args=[mine.pk])
    data = form_in(coach.get(page), "stakeholdergroup_form")
    mine.products.clear()
    assert "Somebody else has changed this" in text(coach.post(page, data))
    assert not mine.products.exists()


def test_a_change_of_the_coverage_is_dated(coach, clock):
    """B34"""
    mine = group("Group 5")
    page = reverse("admin:stakeholders_stakeholdergroup_change", args=[mine.pk])
    clock.move_to(MONDAY + timedelta(hours=2), tick=False)
    data = form_in(coach.get(page), "stakeholdergroup_form")
    assert coach.post(page, data | {"advice": ["x"]}).status_code == 302
    mine.refresh_from_db()
    assert mine.covers_since is None
    data = form_in(coach.get(page), "stakeholdergroup_form")
    assert coach.post(page, data | {"products": [Product.objects.get(name="B").pk]}).status_code == 302
    mine.refresh_from_db()
    assert mine.covers_since == MONDAY + timedelta(hours=2)


def test_groups_past_their_review_are_listed(coach, clock):
    """B28"""
    StakeholderGroup.objects.filter(name__startswith="Group 5").update(review_by=MONDAY - timedelta(days=1))
    listed = coach.get("/admin/stakeholders/stakeholdergroup/?review=past").context["cl"].result_list
    assert [each.name[:7] for each in listed] == ["Group 5"]
    assert "Review overdue" in text(coach.get(MATRIX))
    coach.post(reverse("admin:stakeholders_stakeholdergroup_verb", args=[group("Group 5").pk, "reviewed"]))
    assert "Review overdue" not in text(coach.get(MATRIX))


def test_the_preview_draws_the_cells_and_keeps_the_search_boxes(coach):
    page = coach.get(reverse("admin:stakeholders_stakeholdergroup_change", args=[group("Group 5").pk]))
    assert text(page).count("told</strong>") == 2
    assert "1 by e-mail" in text(page) and "vendor/select2/select2.full" in text(page)


def test_a_deployment_in_use_is_not_deleted(coach):
    used, unused = Deployment.objects.get(name=EU), Deployment.objects.create(name="unused")
    for side in (used, unused):
        page = reverse("admin:stakeholders_deployment_delete", args=[side.pk])
        coach.post(page, {"post": "yes"})
    every = {"action": "delete_selected", "_selected_action": [used.pk], "post": "yes"}
    assert coach.post(reverse("admin:stakeholders_deployment_changelist"), every).status_code == 200
    assert Deployment.objects.filter(name=EU).exists() and not Deployment.objects.filter(name="unused").exists()


# --- the picture ------------------------------------------------------------------------------------------------------


def test_the_picture_shows_groups_gaps_overlaps_and_subscribers():
    """B26"""
    group("Group 1").delete()
    group("Group 2").products.add(Product.objects.get(name="C"))
    subscribe("cleo", "Group 5", products=[Product.objects.get(name="C").pk])
    picture = matrix.picture()
    drawn = {f"{d} {s.product}": [(g.name[:7], n) for g, n in s.groups] for d, squares in picture.rows for s in squares}
    assert drawn["Production EU B"] == [("Product", 1), ("Leaders", 1), ("Group 5", 1), ("Partner", 0)]
    assert drawn["Production EU C"] == [("Product", 1), ("Leaders", 1), ("Group 5", 2), ("Partner", 0)]
    assert [f"{s.deployment} {s.product}" for s in picture.gaps] == ["Production US A"]
    assert [sure(ring).number for ring in picture.gaps[0].gaps] == [3]
    assert [f"{s.deployment} {s.product}" for s in picture.overlaps] == ["Production US C"]
    assert [each.name for each in picture.outside] == ["Marketing and sales"]


def test_a_gap_leads_to_a_new_group_for_that_cell_and_a_group_to_its_form(coach):
    """B26"""
    group("Group 1").delete()
    where, what = Deployment.objects.get(name=US).pk, Product.objects.get(name="A").pk
    page = text(coach.get(MATRIX))
    assert "1 gap: a ring has groups, but none that covers it." in page and "nobody in ring 3 is told" in page
    ring = StakeholderRing.objects.get(number=3).pk
    assert f"?deployments={where}&amp;products={what}&amp;ring={ring}" in page
    assert reverse("admin:stakeholders_stakeholdergroup_change", args=[group("Group 2").pk]) in page
    form = form_in(
        coach.get(f"/admin/stakeholders/stakeholdergroup/add/?deployments={where}&products={what}"),
        "stakeholdergroup_form",
    )
    assert (form["deployments"], form["products"]) == ([str(where)], [str(what)])


def test_the_matrix_page_costs_the_same_for_many_groups_and_subscribers(coach):
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert coach.get(MATRIX).status_code == 200
        return len(asked)

    queries()
    few = queries()
    for n in range(15):
        more = StakeholderGroup.objects.create(name=f"more {n}", purpose="x", all_deployments=True, all_products=True)
        Deployment.objects.create(name=f"place {n}")
        subscribe(f"person {n}", more.name)
    assert queries() == few


def test_the_matrix_and_its_question_need_a_login_and_write_nothing(coach, rep):
    """K11"""
    assert Client().get(MATRIX).status_code == 302
    before = everything()
    query = {"deployments": Deployment.objects.get(name=EU).pk, "products": Product.objects.get(name="B").pk}
    for browser in (coach, browser_of(rep)):
        assert browser.get(MATRIX, query).status_code == 200
        assert browser.head(MATRIX, query).status_code == 200
        assert browser.post(MATRIX, query).status_code == 405
    after = everything()
    assert {name: rows for name, rows in after.items() if name != "schedules.User"} == {
        name: rows for name, rows in before.items() if name != "schedules.User"
    }


def test_the_question_is_answered_with_reasons_counts_and_gaps(coach):
    """B40, B42, B26"""
    group("Group 6").delete()
    query = {
        "deployments": Deployment.objects.filter(name__in=[EU, JP]).values_list("pk", flat=True),
        "products": [Product.objects.get(name="B").pk],
        "priority": Priority.objects.get(level=1).pk,
    }
    page = text(coach.get(MATRIX, query))
    assert "<strong>3 people</strong> in 4 groups" in page
    assert "<td>after 2 hours</td><td>1</td><td>told if not over after 2 hours, or if recovery is expected" in page
    assert "covers what is affected" in page and "1 by e-mail" in page
    assert "no group covers Production JP × B in ring 3: marketing and sales" in page
    for each in StakeholderGroup.objects.all():
        assert f"{each.name}: {each.purpose}" in page


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("deployments=1x&products=2", "1x” is not a valid value"),
        ("products=", "Choose at least one deployment."),
        ("deployments=999999999999999999999999", "Choose at least one product."),
        ("groups=%00", "Bad Request"),
    ],
)
def test_a_junk_question_is_refused_at_the_field(coach, query, sentence):
    answer = coach.get(f"{MATRIX}?{query}")
    assert answer.status_code == 400
    assert sentence in text(answer)


def test_the_matrix_is_in_the_side_bar_and_on_the_index(coach):
    assert text(coach.get("/admin/")).count(f'href="{MATRIX}"') == 2


def test_the_guide_is_made_from_the_rows(rep):
    """B43"""
    browser = browser_of(rep)
    assert Client().get("/stakeholders/").status_code == 302
    page = text(browser.get("/stakeholders/"))
    for each in StakeholderGroup.objects.all():
        assert each.name in page and each.purpose in page
    StakeholderGroup.objects.filter(name__startswith="Group 5").update(name="Europe", purpose="sells bundles")
    page = text(browser.get("/stakeholders/"))
    assert "Europe" in page and "sells bundles" in page and "Group 5" not in page


def test_those_without_rights_cannot_make_groups_and_those_on_a_team_can_be_given_them(rep):
    """B37: a stakeholder sets up nothing."""
    page = "/admin/stakeholders/stakeholdergroup/add/"
    assert browser_of(rep).get(page).status_code == 403
    ana = User.objects.get(username="ana")
    ana.user_permissions.add(Permission.objects.get(codename="add_stakeholdergroup"))
    assert browser_of(ana).get(page).status_code == 200


def test_a_deleted_group_leaves_no_right_behind():
    mine = group("Group 1")
    kept = StakeholderGroup(pk=mine.pk)
    assert User.objects.get(username="rep").has_perm("stakeholders.change_stakeholdergroup", kept)
    mine.subscriptions.all().delete()
    mine.delete()
    assert not User.objects.get(username="rep").has_perm("stakeholders.change_stakeholdergroup", kept)
    assert ContactPoint.objects.exists()
