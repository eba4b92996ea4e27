"""Recipes of rows picked at random, and of rows that are there more than once."""

from collections import Counter
from datetime import date
from typing import Any

import pytest

from tests.cookbook.conftest import Cook


@pytest.mark.parametrize("most", [1, 4])
def test_some_at_random(cook: Cook, rows: Any, most: int) -> None:
    payments = set(rows("SELECT description, amount FROM transactions"))
    ran = cook("some-at-random", most=most)
    for found in ran.value.values():
        assert len(found) == most
        assert {(row["description"], row["amount"]) for row in found} <= payments
    every, sample = ran.work.queries
    assert every.sql.endswith(f"ORDER BY RANDOM() ASC LIMIT {most}")
    assert "TABLESAMPLE BERNOULLI (1)" in sample.sql
    assert "Seq Scan on transactions" in every.plan
    assert "Sample Scan on transactions" in sample.plan


def test_paid_twice_a_day(cook: Cook, rows: Any) -> None:
    since = date(2026, 6, 8)
    payments = rows(
        "SELECT t.value_date, t.description, t.amount, t.created_at FROM transactions t"
        " JOIN accounts a ON a.id = t.from_account_id JOIN users u ON u.id = a.user_id"
        " WHERE u.email = 'ana@example.com' AND t.value_date >= %s ORDER BY t.created_at",
        since,
    )
    times = Counter(same for *same_, _ in payments for same in [tuple(same_)])
    seen: Counter[Any] = Counter()
    later = []
    for day, what, amount, when in payments:
        seen[day, what, amount] += 1
        if seen[day, what, amount] > 1:
            later.append((when, what, amount, seen[day, what, amount]))
    ran = cook("paid-twice-a-day", since=since)
    assert [tuple(row.values()) for row in ran.value["Which"]] == [
        (*same, many) for same, many in sorted(times.items()) if many > 1
    ]
    assert [tuple(row.values()) for row in ran.value["The later ones"]] == later
    assert len(later) == 6
    which, all_but_first = ran.work.queries
    assert "HAVING COUNT(" in which.sql
    assert "ROW_NUMBER() OVER (PARTITION BY" in all_but_first.sql
