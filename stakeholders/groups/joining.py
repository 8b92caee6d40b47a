"""Which groups a person may see and join, and to which parts of a group they may narrow a subscription."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet

from schedules.models import Team, User
from stakeholders.groups import audience
from stakeholders.models import Deployment, Product, StakeholderGroup, Subscription

Openness = StakeholderGroup.Openness


@dataclass(frozen=True, slots=True)
class Wish:
    """What a subscription to a group is narrowed to. Deployments and products are ids; empty means all that the group covers."""

    deployments: tuple[int, ...] = ()
    products: tuple[int, ...] = ()
    kinds: str = Subscription.Kinds.ALL.value
    least_priority: int | None = None


def open_to(user: User | AnonymousUser | None) -> QuerySet[StakeholderGroup]:
    """Returns the groups that this person may see and join on their own (B110 to B112, B123).

    None stands for a person without a login.
    """
    groups = StakeholderGroup.objects.prefetch_related("deployments", "products")
    if user is None or not user.is_authenticated:
        return groups.filter(openness=Openness.EVERYONE)
    if in_product_delivery(user):
        return groups
    return groups.exclude(openness=Openness.PRODUCT)


def offered(groups: QuerySet[StakeholderGroup]) -> QuerySet[StakeholderGroup]:
    """Returns those of the groups that cover something: nobody would hear anything by subscribing to one of the others."""
    where, what = StakeholderGroup.deployments.through.objects, StakeholderGroup.products.through.objects
    placed = Q(all_deployments=True) | Q(pk__in=where.values("stakeholdergroup"))
    return groups.filter(placed, Q(all_products=True) | Q(pk__in=what.values("stakeholdergroup")))


def in_product_delivery(user: User | AnonymousUser) -> bool:
    """Whether this person is in a team, manages one, or is a superuser."""
    return user.is_superuser or Team.objects.filter(Q(user=user.pk) | Q(manager=user.pk)).exists()


def invitable(user: User) -> QuerySet[StakeholderGroup]:
    """Returns the groups to which this colleague may invite people outside; groups for product delivery are excluded (B122)."""
    return open_to(user).exclude(openness=Openness.PRODUCT)


def parts(groups: Iterable[StakeholderGroup]) -> tuple[list[Deployment], list[Product]]:
    """Returns the deployments and products that these groups cover, so that nobody sees the names of others (B123)."""
    coverages = [audience.coverage_of(group) for group in groups]
    where, what = Deployment.objects.all(), Product.objects.all()
    return (
        [d for d in where if any(c.deployments is None or d.pk in c.deployments for c in coverages)],
        [p for p in what if any(c.products is None or p.pk in c.products for c in coverages)],
    )


def within_group(
    group: StakeholderGroup, where: list[Deployment], what: list[Product]
) -> tuple[list[Deployment], list[Product]]:
    """Returns those of the given deployments and products that the group covers."""
    coverage = audience.coverage_of(group)
    return (
        [d for d in where if coverage.deployments is None or d.pk in coverage.deployments],
        [p for p in what if coverage.products is None or p.pk in coverage.products],
    )


def within(group: StakeholderGroup, wish: Wish) -> Wish | None:
    """Returns the wish without the deployments and products that the group does not cover; None if nothing is left."""
    coverage = audience.coverage_of(group)
    deployments = _common(wish.deployments, coverage.deployments)
    products = _common(wish.products, coverage.products)
    if wish.deployments and not deployments or wish.products and not products:
        return None
    return Wish(deployments, products, wish.kinds, wish.least_priority)


def _common(chosen: tuple[int, ...], covered: frozenset[int] | None) -> tuple[int, ...]:
    # A group that covers nothing itself only contains other groups, so there is nothing to compare with.
    return tuple(sorted(pk for pk in set(chosen) if not covered or pk in covered))
