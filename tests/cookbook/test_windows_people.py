"""Recipes of totals and ranks of people, worked out by dicts and sorted lists."""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.cookbook.conftest import Cook


@pytest.mark.parametrize("currency", ["GBP", "USD"])
def test_a_running_total_begins_again_with_each_person(
    cook: Cook, rows: Any, currency: str
) -> None:
    so_far: defaultdict[str, Decimal] = defaultdict(Decimal)
    expected = []
    for email, name, amount in rows(
        "SELECT u.email, u.name, t.amount FROM transactions t"
        " JOIN accounts a ON a.id = t.from_account_id JOIN users u ON u.id = a.user_id"
        " WHERE t.category = 'rent' AND t.currency = %s AND t.status = 'completed'"
        " ORDER BY u.email, t.created_at, t.id LIMIT 20",
        currency,
    ):
        so_far[email] += amount
        expected.append((name, amount, so_far[email]))
    found = [
        (row["from_account__user__name"], row["amount"], row["so_far"])
        for row in cook("rent-so-far", currency=currency).value
    ]
    assert found == expected
    assert len(so_far) > 1


@pytest.mark.parametrize("currency", ["USD", "EUR"])
def test_people_are_ranked_by_the_sum_of_their_accounts(
    cook: Cook, rows: Any, currency: str
) -> None:
    totals: defaultdict[str, Decimal] = defaultdict(Decimal)
    for email, balance in rows(
        "SELECT email, balance FROM accounts JOIN users ON users.id = user_id WHERE currency = %s",
        currency,
    ):
        totals[email] += balance
    ran = cook("people-by-balance", currency=currency)
    places = {
        email: 1 + sum(other > total for other in totals.values())
        for email, total in totals.items()
    }
    by_place = sorted(totals, key=lambda email: (places[email], email))[:10]
    assert [(row["email"], row["total"], row["place"]) for row in ran.value] == [
        (email, totals[email], places[email]) for email in by_place
    ]


@pytest.mark.parametrize("least", [3, 8])
def test_gaps_and_islands_of_days_are_those_of_a_walk_through_the_days(
    cook: Cook, rows: Any, least: int
) -> None:
    days: defaultdict[tuple[str, str], set[date]] = defaultdict(set)
    for email, name, day in rows(
        "SELECT u.email, u.name, t.value_date FROM transactions t"
        " JOIN accounts a ON a.id = t.from_account_id JOIN users u ON u.id = a.user_id"
        " WHERE t.category = 'groceries' AND t.status = 'completed'"
    ):
        days[email, name].add(day)
    gaps, islands = [], []
    for (_email, name), found in days.items():
        first = before = min(found)
        for day in [*sorted(found)[1:], None]:
            if day is None or day - before > timedelta(days=1):
                islands.append((-((before - first).days + 1), first, name, before))
                first = day or first
            if day is not None:
                gaps.append((before - day, day, name, before))
                before = day
    expected_gaps = sorted(gap for gap in gaps if -gap[0].days >= least)[:5]
    expected_islands = sorted(island for island in islands if -island[0] >= least)[:5]
    found_both = cook("gaps-and-islands", days=least).value
    assert [
        (-row["gap"], row["value_date"], row["from_account__user__name"], row["before"])
        for row in found_both["Gaps"]
    ] == expected_gaps
    assert [
        (-row["days"], row["first"], row["name"], row["last"]) for row in found_both["Islands"]
    ] == expected_islands
    assert expected_gaps
    assert expected_islands or least > 3
