"""Recipes of aggregation, each held against rows summed up by plain Python."""

from collections import Counter, defaultdict
from decimal import Decimal
from statistics import pstdev
from typing import Any

import pytest

from tests.cookbook.conftest import Cook
from tests.cookbook.shared import average


def test_figures_of_category(cook: Cook, rows: Any) -> None:
    amounts = [
        amount
        for (amount,) in rows(
            "SELECT amount FROM transactions"
            " WHERE category = 'groceries' AND currency = 'USD' AND status = 'completed'"
        )
    ]
    ran = cook("figures-of-category", category="groceries")
    assert len(amounts) > 500
    assert ran.value == {
        "payments": len(amounts),
        "total": sum(amounts),
        "average": average(amounts),
        "smallest": min(amounts),
        "largest": max(amounts),
        "deviation": round(pstdev(amounts), 2),
    }
    assert len(ran.work.queries) == 1


def test_of_no_rows_only_the_sum_with_a_default_is_zero(cook: Cook) -> None:
    assert cook("figures-of-category", category="fishing").value == {
        "payments": 0,
        "total": 0,
        "average": None,
        "smallest": None,
        "largest": None,
        "deviation": None,
    }


def test_spent_by_category(cook: Cook, rows: Any) -> None:
    spent: Counter[str] = Counter()
    payments: Counter[str] = Counter()
    for category, amount in rows(
        "SELECT category, amount FROM transactions"
        " WHERE currency = 'USD' AND type = 'withdrawal' AND status = 'completed'"
    ):
        spent[category] += amount
        payments[category] += 1
    ran = cook("spent-by-category", most=3)
    assert [(row["category"], row["payments"], row["spent"]) for row in ran.value] == [
        (category, payments[category], total) for category, total in spent.most_common(3)
    ]
    assert ran.value[0]["spent"] > Decimal(1000)
    assert "GROUP BY" in ran.work.queries[0].sql


def test_in_and_out(cook: Cook, rows: Any) -> None:
    sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for currency, type_, amount in rows(
        "SELECT currency, type, amount FROM transactions WHERE status = 'completed'"
    ):
        sums[currency][type_] += 1 if type_ == "transfer" else amount
    ran = cook("in-and-out")
    assert list(ran.value) == [
        {
            "currency": currency,
            "came_in": sums[currency]["deposit"],
            "went_out": sums[currency]["withdrawal"],
            "stayed": sums[currency]["transfer"],
        }
        for currency in ("EUR", "GBP", "JPY", "KWD", "USD")
    ]
    [query] = ran.work.queries
    assert query.sql.count("FILTER (WHERE") == 3


def test_spent_by_month(cook: Cook, rows: Any) -> None:
    spent: Counter[str] = Counter()
    payments: Counter[str] = Counter()
    for moment, amount in rows(
        "SELECT created_at AT TIME ZONE 'UTC', amount FROM transactions"
        " WHERE category = 'groceries' AND currency = 'USD'"
    ):
        spent[f"{moment:%Y-%m}"] += amount
        payments[f"{moment:%Y-%m}"] += 1
    ran = cook("spent-by-month", category="groceries")
    assert len(spent) == 12
    assert [(f"{row['month']:%Y-%m}", row["payments"], row["spent"]) for row in ran.value] == [
        (month, payments[month], spent[month]) for month in sorted(spent)
    ]
    assert all(row["month"].day == 1 for row in ran.value)
    assert "GROUP BY 1" in ran.work.queries[0].sql


def test_frequent_categories(cook: Cook, rows: Any) -> None:
    amounts: defaultdict[str, list[Decimal]] = defaultdict(list)
    for category, amount in rows(
        "SELECT category, amount FROM transactions WHERE currency = 'USD' AND type = 'withdrawal'"
    ):
        amounts[category].append(amount)
    least = len(amounts["supplies"])
    ran = cook("frequent-categories", least=least)
    assert [(row["category"], row["payments"], row["average"]) for row in ran.value] == sorted(
        (
            (category, len(group), average(group))
            for category, group in amounts.items()
            if len(group) >= least
        ),
        key=lambda row: -row[1],
    )
    assert ran.value[len(ran.value) - 1]["category"] == "supplies"
    [query] = ran.work.queries
    assert query.sql.index("WHERE") < query.sql.index("GROUP BY") < query.sql.index("HAVING")


@pytest.mark.parametrize("name", ["Savings", "Everyday", "Travel"])
def test_sent_and_received(cook: Cook, rows: Any, name: str) -> None:
    [(sent, received)] = rows(
        "SELECT (SELECT count(*) FROM transactions WHERE from_account_id = a.id),"
        " (SELECT count(*) FROM transactions WHERE to_account_id = a.id)"
        " FROM accounts a JOIN users u ON u.id = a.user_id"
        " WHERE u.email = 'ana@example.com' AND a.name = %s",
        name,
    )
    found = {
        title: list(part) for title, part in cook("sent-and-received", name=name).value.items()
    }
    assert found == {
        "multiplied": [{"out": sent * received, "into": sent * received}],
        "distinct": [{"out": sent, "into": received}],
        "subqueries": [{"out": sent, "into": received}],
    }
    assert sent != received
    assert name != "Savings" or (sent, received) == (2, 78)
