"""How many people get messages, and how that grows."""

from datetime import timedelta

from schedules.models import User
from stakeholders.groups import seats
from stakeholders.models import StakeholderGroup, Subscription
from tests.browser import browser_of, text

DAY = timedelta(days=1)


def test_people_now_and_growth_by_who_may_join(outside, django_assert_num_queries):
    """B119: somebody in two groups, or with two addresses, is one."""
    StakeholderGroup.objects.filter(name__in=("1", "2")).update(openness="everyone")
    now = outside.world.now
    old, both, left, new = (outside.subscriber(name) for name in ("old", "both", "left", "new"))
    for point, group, days in ((old, "1", 100), (both, "1", 40), (both, "2", 40), (left, "1", 100), (new, "7", 5)):
        Subscription.objects.filter(pk=outside.subscribe(point, group).pk).update(confirmed_at=now - days * DAY)
    outside.subscribe(outside.world.point(both.recipient, "another"), "1")
    Subscription.objects.filter(contact_point=left).update(state="ended", ended_at=now - 10 * DAY, end_reason="left")
    with django_assert_num_queries(1):
        found = {row.who: (row.now, *row.growth) for row in seats.estimate(now)}
    assert found == {
        "colleagues in product delivery, logged in": (1, 1, 1),
        "everyone in the enterprise, logged in or by invitation": (0, 0, 0),
        "everyone, customers and partners too": (2, -1, 0),
        "all, each once": (3, 0, 1),
    }


def test_it_stands_on_the_page_of_the_matrix(outside, clock):
    """B119"""
    clock.move_to(outside.world.now)
    outside.subscriber("ann", "7")
    page = text(browser_of(User.objects.create_superuser("coach")).get("/admin/stakeholders/stakeholdergroup/matrix/"))
    assert '<th scope="row">all, each once</th><td>1</td><td>+1</td><td>+1</td>' in page
