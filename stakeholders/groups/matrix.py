"""The picture of the matrix: the groups that cover each cell, their numbers of subscribers, and the gaps. Writes nothing."""

from dataclasses import dataclass

from django.db.models import Count

from stakeholders.groups import audience
from stakeholders.models import Deployment, Product, StakeholderGroup, Subscription
from stakeholders.rules.audience import Cell, Coverage

# (group, deployments, products) → number of subscribers; an empty tuple stands for all that the group covers.
Narrowed = dict[tuple[int, tuple[int, ...], tuple[int, ...]], int]


@dataclass(frozen=True, slots=True)
class Square:
    """A cell with the groups that cover it, each with the number of its subscribers who would be told about this cell."""

    deployment: Deployment
    product: Product
    groups: list[tuple[StakeholderGroup, int]]

    @property
    def gap(self) -> bool:
        return not self.groups

    @property
    def overlap(self) -> bool:
        return len(self.groups) > 1


@dataclass(frozen=True, slots=True)
class Picture:
    products: list[Product]
    rows: list[tuple[Deployment, list[Square]]]
    # Groups that cover no cell: they contain subgroups, or are told only if the sender chooses them.
    outside: list[StakeholderGroup]

    @property
    def gaps(self) -> list[Square]:
        return [square for _, squares in self.rows for square in squares if square.gap]

    @property
    def overlaps(self) -> list[Square]:
        return [square for _, squares in self.rows for square in squares if square.overlap]


def picture() -> Picture:
    """Returns the whole matrix, in a constant number of queries."""
    deployments, products = list(Deployment.objects.all()), list(Product.objects.all())
    all_groups = audience.groups()
    coverages = {pk: audience.coverage_of(group) for pk, group in all_groups.items()}
    counts = narrowed()

    def square(deployment: Deployment, product: Product) -> Square:
        cell = deployment.pk, product.pk
        covering = [pk for pk, coverage in coverages.items() if coverage.covers(cell)]
        return Square(deployment, product, [(all_groups[pk], hearing(counts, pk, cell)) for pk in covering])

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
