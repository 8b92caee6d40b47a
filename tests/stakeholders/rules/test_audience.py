"""Table 8.4 and what follows from it, as tables without a database."""

import pytest

from stakeholders.rules.audience import Coverage, below, cells, faults, matching, told, uncovered

US, EU, JP, SHOWCASE = range(1, 5)
A, B, C = range(11, 14)
SALES, EUROPE = 100, 50


def cover(deployments, products) -> Coverage:
    sides = (None if side is None else frozenset(side) for side in (deployments, products))
    return Coverage(*sides)


TABLE_8_4 = {
    1: cover([US], [A]),
    2: cover([US], [B]),
    3: cover([US], [C]),
    4: cover([EU], [A]),
    5: cover([EU], [B, C]),
    6: cover([JP], None),
    7: cover([SHOWCASE], None),
    SALES: Coverage(),
    EUROPE: Coverage(),
}
PARENTS = {**dict.fromkeys((1, 2, 3, 6, 7, EUROPE), SALES), **dict.fromkeys((4, 5), EUROPE), SALES: None}


def reached(deployments, products) -> set[int]:
    return set(matching(TABLE_8_4, cells(deployments, products)))


def test_production_us_product_b_reaches_group_2_only():
    """B19, B18"""
    assert reached([US], [B]) == {2}


def test_production_eu_product_c_reaches_the_bundle_only():
    """B20"""
    assert reached([EU], [C]) == {5}


def test_production_eu_products_a_and_b_reach_groups_4_and_5():
    """B21"""
    assert reached([EU], [A, B]) == {4, 5}


@pytest.mark.parametrize("products", [[A], [B], [C], [A, B, C]])
def test_production_jp_any_product_reaches_group_6_only(products):
    """B22"""
    assert reached([JP], products) == {6}


@pytest.mark.parametrize("products", [[A], [B], [C], [A, B, C]])
def test_the_showcase_any_product_reaches_group_7_only(products):
    """B23, B25"""
    assert reached([SHOWCASE], products) == {7}


def test_each_cell_of_the_table_reaches_one_group():
    found = {cell: list(matching(TABLE_8_4, [cell])) for cell in cells([US, EU, JP, SHOWCASE], [A, B, C])}
    assert list(found.values()) == [[1], [2], [3], [4], [5], [5], [6], [6], [6], [7], [7], [7]]


def test_a_product_added_later_is_covered_by_all_and_not_by_a_bundle():
    """B24"""
    later = 99
    assert reached([JP], [later]) == {6}
    assert reached([EU], [later]) == set()


def test_leadership_hears_of_everything():
    """B15"""
    leadership = 1
    assert list(matching({leadership: cover(None, None)}, cells([US, JP], [A, 99]))) == [leadership]


def test_a_cell_that_no_group_covers_is_a_gap():
    """B26"""
    without_6 = {group: coverage for group, coverage in TABLE_8_4.items() if group != 6}
    assert uncovered(without_6, cells([US, JP], [A, B])) == [(JP, A), (JP, B)]
    assert uncovered(TABLE_8_4, cells([US, EU, JP, SHOWCASE], [A, B, C])) == []


def test_matching_tells_which_cells():
    assert matching(TABLE_8_4, cells([EU], [A, B, C])) == {4: [(EU, A)], 5: [(EU, B), (EU, C)]}


def test_no_cell_affected_reaches_nobody():
    assert reached([], [A]) == reached([US], []) == set()


def test_a_parent_reaches_its_matching_subgroups_at_any_depth_once_each():
    """B17, B16"""
    found = told(TABLE_8_4, PARENTS, [SALES], cells([EU], [A, B]))
    assert found == {
        SALES: "chosen by the sender",
        4: "part of a chosen group, and covers what is affected",
        5: "part of a chosen group, and covers what is affected",
    }


def test_only_chosen_groups_are_told_when_some_are_chosen():
    """B41, B44"""
    assert told(TABLE_8_4, PARENTS, [4, 1], cells([EU], [A, B])) == {
        1: "chosen by the sender",
        4: "chosen by the sender",
    }


def test_without_a_choice_the_reason_is_the_coverage():
    assert told(TABLE_8_4, PARENTS, [], cells([US], [B])) == {2: "covers what is affected"}


def test_a_cycle_of_parents_does_no_harm():
    assert below({1: 2, 2: 3, 3: 1, 4: 3}, [1]) == {2, 3, 4}


def test_a_group_without_a_side_covers_nothing():
    assert [each.empty for each in (Coverage(), cover(None, []), cover([US], None), cover(None, None))] == [
        *(True, True, False, False)
    ]
    assert not cover(None, []).covers((US, A))


@pytest.mark.parametrize(
    ("deployments", "all_deployments", "products", "all_products", "wrong"),
    [
        (True, False, True, False, []),
        (False, True, False, True, []),
        (False, False, False, False, []),
        (True, True, True, False, ["deployments"]),
        (True, False, True, True, ["products"]),
        (True, False, False, False, ["products"]),
        (False, False, False, True, ["deployments"]),
    ],
)
def test_what_is_wrong_with_a_coverage_names_the_field(deployments, all_deployments, products, all_products, wrong):
    values = {"deployments": deployments, "all_deployments": all_deployments}
    assert list(faults(**values, products=products, all_products=all_products)) == wrong
