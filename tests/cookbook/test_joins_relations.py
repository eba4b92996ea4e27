"""Recipes of relations, held against joins in plain SQL."""

from datetime import date
from typing import Any

import pytest

from tests.cookbook.conftest import Cook


@pytest.mark.parametrize("name", ["Everyday", "Savings"])
def test_relations_of_an_account(cook: Cook, rows: Any, name: str) -> None:
    ((account,),) = rows(
        "SELECT a.id FROM accounts a JOIN users u ON u.id = a.user_id"
        " WHERE u.email = 'ana@example.com' AND a.name = %s",
        name,
    )
    ((sent, received),) = rows(
        "SELECT count(*) FILTER (WHERE from_account_id = %s),"
        " count(*) FILTER (WHERE to_account_id = %s) FROM transactions",
        account,
        account,
    )
    ran = cook("relations-of-an-account", name=name)
    assert ran.value == {
        "owner": "Ana Ferreira",
        "the owner's accounts": "Everyday, Savings, Travel",
        "sent": sent,
        "received": received,
    }
    assert [len(section.queries) for section in ran.sections if section.title] == [1, 1, 2]


def test_lookups_across_relations(cook: Cook, rows: Any) -> None:
    since = date(2026, 3, 1)
    ran = cook("large-payments-into", since=since)
    expected = rows(
        "SELECT t.value_date, t.amount, payer.name FROM transactions t"
        " JOIN accounts payer ON payer.id = t.from_account_id"
        " JOIN users owner ON owner.id = payer.user_id"
        " JOIN accounts payee ON payee.id = t.to_account_id"
        " WHERE t.amount >= 100 AND owner.email = 'ana@example.com' AND payee.name = 'Savings'"
        " AND t.created_at >= %s ORDER BY t.created_at LIMIT 10",
        since,
    )
    found = [(row["value_date"], row["amount"], row["from_account__name"]) for row in ran.value]
    assert found == expected != []
    assert ran.work.queries[0].sql.count("JOIN") == 4
