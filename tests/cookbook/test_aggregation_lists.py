"""Recipes of aggregation that make lists, texts and documents, and percentiles."""

from collections import defaultdict
from decimal import Decimal
from math import ceil
from operator import itemgetter
from typing import Any

from tests.cookbook.conftest import Cook
from tests.cookbook.shared import average


def test_currencies_of_people(cook: Cook, rows: Any) -> None:
    accounts: defaultdict[str, list[str]] = defaultdict(list)
    for name, currency in rows(
        "SELECT users.name, currency FROM users JOIN accounts ON user_id = users.id"
    ):
        accounts[name].append(currency)
    found = list(cook("currencies-of-people").value)
    assert found[0] == {"name": "Ana Ferreira", "many": 3, "currencies": ["EUR", "USD"]}
    assert len(found) == 5
    assert found == [
        {
            "name": row["name"],
            "many": len(accounts[row["name"]]),
            "currencies": sorted(set(accounts[row["name"]])),
        }
        for row in found
    ]
    left_out = set(accounts) - {row["name"] for row in found}
    assert all(len(accounts[name]) <= found[-1]["many"] for name in left_out)


def test_owners_by_currency(cook: Cook, rows: Any) -> None:
    owners: defaultdict[str, list[str]] = defaultdict(list)
    for currency, email in rows(
        "SELECT currency, email FROM accounts JOIN users ON users.id = user_id"
        " WHERE accounts.name = 'Everyday'"
    ):
        owners[currency].append(email)
    assert list(cook("owners-by-currency").value) == [
        {"currency": currency, "owners": ", ".join(sorted(owners[currency]))}
        for currency in sorted(owners)
    ]
    assert len(owners["USD"]) == 6


def test_people_with_accounts(cook: Cook, rows: Any) -> None:
    accounts: defaultdict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
    for email, name, account, status in rows(
        "SELECT email, users.name, accounts.name, status FROM accounts"
        " JOIN users ON users.id = user_id WHERE currency = 'USD'"
    ):
        accounts[email, name].append({"name": account, "status": status})
    for of_one in accounts.values():
        of_one.sort(key=itemgetter("name"))
    ran = cook("people-with-accounts")
    assert list(ran.value) == [
        {"name": name, "found": found}
        for (_, name), found in sorted(accounts.items())
        if len(found) > 1
    ]
    assert [len(row["found"]) for row in ran.value] == [2, 2, 2]
    assert len(ran.work.queries) == 1


def test_median_payments(cook: Cook, rows: Any) -> None:
    amounts: defaultdict[str, list[Decimal]] = defaultdict(list)
    for category, amount in rows(
        "SELECT category, amount FROM transactions"
        " WHERE currency = 'USD' AND type = 'withdrawal' AND status = 'completed'"
        " ORDER BY amount"
    ):
        amounts[category].append(amount)
    found = list(cook("median-payments").value)
    most = sorted(amounts, key=lambda category: -len(amounts[category]))[:6]
    assert [row["category"] for row in found] == most
    for row in found:
        paid = amounts[row["category"]]
        assert row["payments"] == len(paid)
        assert row["average"] == average(paid)
        assert row["median"] == paid[ceil(len(paid) * 0.5) - 1]
        assert row["ninth_tenth"] == paid[ceil(len(paid) * 0.9) - 1]
    transport = found[most.index("transport")]
    assert transport["average"] > transport["median"] * Decimal("1.5")
