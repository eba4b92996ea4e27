"""Recipes of aggregates of bits, conditions and pairs of numbers, held against Python."""

from collections import Counter, defaultdict
from functools import reduce
from operator import and_, or_, xor
from statistics import correlation, covariance, linear_regression
from typing import Any

import pytest

from tests.cookbook.conftest import Cook


@pytest.fixture
def visits(rows: Any) -> dict[str, list[Any]]:
    """The method, the seconds and the amount of each visit, by country."""
    found = defaultdict(list)
    for country, *visit in rows("SELECT country, methods, seconds, amount FROM visits"):
        found[country].append(visit)
    return dict(sorted(found.items()))


def test_bit_and(cook: Cook, visits: Any) -> None:
    found = list(cook("methods-by-bit-and").value)
    assert found == [
        {
            "country": country,
            "in_all": reduce(and_, [method for method, *_ in of_country]),
            "in_any": reduce(or_, [method for method, *_ in of_country]),
            "odd": reduce(xor, [method for method, *_ in of_country]),
        }
        for country, of_country in visits.items()
    ]
    assert any(row["in_all"] != row["in_any"] for row in found)


def test_bool_and(cook: Cook, rows: Any) -> None:
    accounts = defaultdict(list)
    for currency, status, balance in rows("SELECT currency, status, balance FROM accounts"):
        accounts[currency].append((status == "active", balance < 0))
    found = list(cook("currencies-by-bool-and").value)
    assert found == [
        {
            "currency": currency,
            "accounts": len(conditions),
            "all_active": all(active for active, _ in conditions),
            "any_overdrawn": any(overdrawn for _, overdrawn in conditions),
        }
        for currency, conditions in sorted(accounts.items())
    ]
    assert {row["all_active"] for row in found} == {row["any_overdrawn"] for row in found}
    assert {row["all_active"] for row in found} == {True, False}


def test_corr(cook: Cook, visits: Any) -> None:
    found = {row["country"]: row for row in cook("seconds-and-amount-by-corr").value}
    assert list(found) == list(visits)
    for country, visited in visits.items():
        pairs = [amount for *_, amount in visited], [seconds for _, seconds, _ in visited]
        assert found[country]["correlation"] == pytest.approx(correlation(*pairs))
        of_all = covariance(*pairs) * (len(visited) - 1) / len(visited)
        assert found[country]["covariance"] == pytest.approx(of_all)


def test_regr_slope(cook: Cook, visits: Any) -> None:
    points = [visit for of_country in visits.values() for visit in of_country]
    slope, intercept = linear_regression(
        [amount for *_, amount in points], [seconds for _, seconds, _ in points]
    )
    found = cook("seconds-by-regr-slope").value
    assert (found["slope"], found["intercept"]) == pytest.approx((slope, intercept))
    assert found["count"] == len(points)
    assert found["slope"] == pytest.approx(found["sxy"] / found["sxx"])
    assert found["r2"] == pytest.approx(found["sxy"] ** 2 / (found["sxx"] * found["syy"]))
    middle = intercept + slope * found["average_x"]
    assert found["average_y"] == pytest.approx(middle)


def test_grouping_sets(cook: Cook, visits: Any) -> None:
    found = cook("visits-by-grouping-sets").value
    by_level = defaultdict(list)
    for row in found:
        by_level[row["level"]].append((row["country"], row["methods"], row["visits"]))
    assert by_level[1] == [(country, None, len(visits[country])) for country in ("fi", "no")]
    assert by_level[3] == [(None, None, len(visits["fi"]) + len(visits["no"]))]
    assert by_level[0] == [
        (country, method, [number for number, *_ in visits[country]].count(method))
        for country in ("fi", "no")
        for method in sorted({number for number, *_ in visits[country]})
    ]
    assert cook("visits-by-grouping-sets", group_by="ROLLUP (country, methods)").value == found
    cube = cook("visits-by-grouping-sets", group_by="CUBE (country, methods)").value
    of_methods = [row for row in cube if row["level"] == 2]
    assert [row for row in cube if row["level"] != 2] == found
    assert {row["methods"]: row["visits"] for row in of_methods} == Counter(
        method for country in ("fi", "no") for method, *_ in visits[country]
    )
