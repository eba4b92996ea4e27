"""Recipes of lists put together and of many to many, held against sets in plain Python."""

from typing import Any

import pytest
from django.db import NotSupportedError

from accounts.models import User
from tests.cookbook.conftest import Cook


@pytest.mark.parametrize("currency", ["USD", "EUR"])
def test_rent_and_cash(cook: Cook, rows: Any, currency: str) -> None:
    def who(category: str) -> set[str]:
        return {
            email
            for (email,) in rows(
                "SELECT u.email FROM transactions t JOIN accounts a ON a.id = t.from_account_id"
                " JOIN users u ON u.id = a.user_id WHERE t.category = %s AND t.currency = %s",
                category,
                currency,
            )
        }

    rent, cash = who("rent"), who("cash")
    ran = cook("rent-and-cash", currency=currency)
    assert {name: list(found) for name, found in ran.value.items()} == {
        "union: either": sorted(rent | cash),
        "intersection: both": sorted(rent & cash),
        "difference: only rent": sorted(rent - cash),
    }
    assert rent - cash
    assert rent & cash
    for query, operator in zip(
        ran.work.queries, (") UNION (", ") INTERSECT (", ") EXCEPT ("), strict=True
    ):
        assert operator in query.sql
        assert "DISTINCT" not in query.sql


def test_after_union_there_is_no_filter() -> None:
    with pytest.raises(NotSupportedError):
        User.objects.all().union(User.objects.all()).filter(email="ana@example.com")


def test_people_in_groups(cook: Cook, rows: Any) -> None:
    members = rows(
        "SELECT g.name, u.email, u.name FROM users_groups JOIN users u ON u.id = user_id"
        " JOIN auth_group g ON g.id = group_id"
        " WHERE g.name IN ('analysts', 'operations')"
    )
    members += [(group, "ana@example.com", "Ana Ferreira") for group in ("analysts", "operations")]
    ran = cook("people-in-groups")
    assert ran.value == {
        "By a join": sorted(email for _, email, _ in members),
        "Without repeats": sorted({email for _, email, _ in members}),
        "Groups": [
            {"group": group, "people": sorted(name for of, _, name in members if of == group)}
            for group in ("analysts", "operations")
        ],
    }
    assert ran.value["By a join"].count("ana@example.com") == 2
    add, _, _, prefetched = ran.sections
    into = 'INSERT INTO "users_groups"'
    (insert,) = (query.sql for query in add.queries if query.sql.startswith(into))
    assert insert.endswith("ON CONFLICT DO NOTHING")
    assert len(prefetched.queries) == 2
    assert 'JOIN "users_groups"' in prefetched.queries[1].sql


def test_the_last_payments_of_each_account(cook: Cook, rows: Any) -> None:
    payments: dict[str, list[Any]] = {}
    for account, created_at, amount in rows(
        "SELECT a.name, t.created_at, t.amount FROM transactions t"
        " JOIN accounts a ON a.id = from_account_id JOIN users u ON u.id = a.user_id"
        " WHERE u.email = 'ana@example.com' ORDER BY a.name, t.created_at DESC"
    ):
        payments.setdefault(account, []).append((account, created_at, amount))
    ran = cook("last-payments-by-lateral", most=2)
    assert [tuple(row.values()) for row in ran.value] == [
        payment for of_account in payments.values() for payment in of_account[:2]
    ]
    assert len(payments) > 1
    assert len(ran.work.queries) == 1
