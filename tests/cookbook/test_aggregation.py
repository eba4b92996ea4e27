"""Recipes of aggregation, each held against rows summed up by plain Python."""

from collections import Counter
from decimal import Decimal
from typing import Any

from tests.cookbook.conftest import Cook


def test_spent_by_category(cook: Cook, rows: Any) -> None:
    spent: Counter[str] = Counter()
    payments: Counter[str] = Counter()
    for category, amount in rows(
        "SELECT category, amount FROM transactions"
        " WHERE currency = 'USD' AND type = 'withdrawal' AND status = 'completed'"
    ):
        spent[category] += amount
        payments[category] += 1
    found = cook("spent-by-category", most=3).value
    assert [(row["category"], row["payments"], row["spent"]) for row in found] == [
        (category, payments[category], total) for category, total in spent.most_common(3)
    ]
    assert found[0]["spent"] > Decimal(1000)
