"""Recipes of totals and ranks of people, worked out by dicts and sorted lists."""

from collections import defaultdict
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
