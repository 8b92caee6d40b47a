"""The picture of the matrix: the groups that cover each cell, their numbers of subscribers, and the gaps. Writes nothing."""

from collections import Counter
from dataclasses import dataclass

from django.db.models import Count

from stakeholders.groups import audience
from stakeholders.models import Deployment, Product, StakeholderGroup, StakeholderRing, Subscription
from stakeholders.rules.audience import Cell, Coverage, uncovered

# (group, deployments, products) → number of subscribers; an empty tuple stands for all that the group covers.
Narrowed = dict[tuple[int, tuple[int, ...], tuple[int, ...]], int]


@dataclass(frozen=True, slots=True)
class Square:
    """A cell with the groups that cover it, each with the number of its subscribers who would be told about this cell."""

    deployment: Deployment
    product: Product
    # The groups that lie in a ring, the innermost ring first.
    groups: list[tuple[StakeholderGroup, int]]
    # The rings with groups of which none covers it; None if there is but one ring, or none.
    gaps: list[StakeholderRing | None]

    @property
    def overlap(self) -> int:
        """How many groups of one ring cover it, if that is more than one."""
        most = max(Counter(group.ring_id for group, _ in self.groups).values(), default=0)
        return most if most > 1 else 0


@dataclass(frozen=True, slots=True)
class Picture:
    products: list[Product]
    rows: list[tuple[Deployment, list[Square]]]
    # Groups that cover no cell: they contain subgroups, or are told only if the sender chooses them.
    outside: list[StakeholderGroup]

    @property
    def gaps(self) -> list[Square]:
        return [square for _, squares in self.rows for square in squares if square.gaps]

    @property
    def overlaps(self) -> list[Square]:
        return [square for _, squares in self.rows for square in squares if square.overlap]


def picture() -> Picture:
    """Returns the whole matrix, in a constant number of queries."""
    deployments, products = list(Deployment.objects.all()), list(Product.objects.all())
    all_groups = audience.groups()
    coverages = {pk: audience.coverage_of(group) for pk, group in all_groups.items()}
    counts = narrowed()

    rings = audience.by_ring(all_groups, coverages)

    def square(deployment: Deployment, product: Product) -> Square:
        cell = deployment.pk, product.pk
        covering = [pk for inside in rings.values() for pk, coverage in inside.items() if coverage.covers(cell)]
        told = [(all_groups[pk], hearing(counts, pk, cell)) for pk in covering]
        return Square(deployment, product, told, [ring for ring, c in rings.items() if uncovered(c, [cell])])

    rows = [(deployment, [square(deployment, product) for product in products]) for deployment in deployments]
    return Picture(products, rows, [all_groups[pk] for pk, coverage in coverages.items() if coverage.empty])


def covered(group: StakeholderGroup) -> tuple[list[Product], list[tuple[Deployment, list[bool]]]]:
    """Returns the products, and for each deployment whether the group covers it with each product; for the group's own page."""
    products, coverage = list(Product.objects.all()), audience.coverage_of(group)
    rows = [(d, [coverage.covers((d.pk, p.pk)) for p in products]) for d in Deployment.objects.all()]
    return products, rows


def narrowed() -> Narrowed:
    """Returns how many people have subscribed to each group, by what they narrowed the subscription to."""
    active = Subscription.objects.filter(
        state=Subscription.State.ACTIVE, contact_point__verified=True, contact_point__disabled_reason=""
    )
    scopes = active.order_by().values_list("group", "deployments", "products")
    counts = scopes.annotate(people=Count("contact_point__recipient", distinct=True))
    return {(group, tuple(where), tuple(what)): people for group, where, what, people in counts}


def hearing(counts: Narrowed, group: int, cell: Cell) -> int:
    """Returns how many of the group's subscribers would be told about this cell."""
    wanted = {key: Coverage(frozenset(key[1]) or None, frozenset(key[2]) or None) for key in counts if key[0] == group}
    return sum(counts[key] for key, coverage in wanted.items() if coverage.covers(cell))
