"""Which groups an outage concerns and which cells (deployment × product) no group covers. Takes and returns ids."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product

Cell = tuple[int, int]  # deployment, product


@dataclass(frozen=True, slots=True)
class Coverage:
    """The cells that a group covers. None stands for all deployments or all products, also those added later (B24)."""

    deployments: frozenset[int] | None = frozenset()
    products: frozenset[int] | None = frozenset()

    def covers(self, cell: Cell) -> bool:
        deployment, what = cell
        return (self.deployments is None or deployment in self.deployments) and (
            self.products is None or what in self.products
        )

    @property
    def empty(self) -> bool:
        """Whether the group covers no cell, such as a group that only contains subgroups."""
        return self.deployments == frozenset() or self.products == frozenset()


def faults(*, deployments: bool, all_deployments: bool, products: bool, all_products: bool) -> dict[str, str]:
    """Returns what is wrong with a group's coverage, by field; empty if nothing is. A group that covers nothing is fine.

    `deployments` and `products` say whether any are chosen.
    """
    errors = {}
    if deployments and all_deployments:
        errors["deployments"] = "Choose deployments, or tick “all deployments”, not both."
    if products and all_products:
        errors["products"] = "Choose products, or tick “all products”, not both."
    where, what = deployments or all_deployments, products or all_products
    if where and not what:
        errors["products"] = "Choose the products that it covers there, or tick “all products”."
    if what and not where:
        errors["deployments"] = "Choose the deployments where it covers them, or tick “all deployments”."
    return errors


def cells(deployments: Iterable[int], products: Iterable[int]) -> list[Cell]:
    return list(product(deployments, products))


def matching(groups: Mapping[int, Coverage], affected: Iterable[Cell]) -> dict[int, list[Cell]]:
    """Returns each group that covers an affected cell, with the affected cells that it covers (B18 to B23)."""
    touched = list(affected)
    matches = {group: [cell for cell in touched if coverage.covers(cell)] for group, coverage in groups.items()}
    return {group: covered for group, covered in matches.items() if covered}


def uncovered(groups: Mapping[int, Coverage], affected: Iterable[Cell]) -> list[Cell]:
    """Returns the affected cells that no group covers (B26)."""
    return [cell for cell in affected if not any(coverage.covers(cell) for coverage in groups.values())]


def below(parents: Mapping[int, int | None], chosen: Iterable[int]) -> set[int]:
    """Returns all subgroups of the chosen groups at any depth, without the chosen groups (B17). A cycle does no harm."""
    picked, subgroups = set(chosen), set[int]()
    while more := {group for group, parent in parents.items() if parent in picked | subgroups} - subgroups - picked:
        subgroups |= more
    return subgroups


def told(
    groups: Mapping[int, Coverage], parents: Mapping[int, int | None], chosen: Iterable[int], affected: Iterable[Cell]
) -> dict[int, str]:
    """Returns each group that is told, with the reason.

    If groups are chosen, these are the chosen groups and their matching subgroups; if not, all groups that match.
    """
    matched, picked = matching(groups, affected), set(chosen)
    if not picked:
        return dict.fromkeys(matched, "covers what is affected")
    reasons = {group: "chosen by the sender" for group in groups if group in picked}
    parts = below(parents, picked)
    return reasons | {
        group: "part of a chosen group, and covers what is affected" for group in matched if group in parts
    }
