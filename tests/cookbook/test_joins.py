"""Recipes of joins, held against rows that plain Python put together."""

from collections import Counter, defaultdict
from decimal import Decimal
from typing import Any

import pytest

from tests.cookbook.conftest import Cook


@pytest.mark.parametrize("most", [1, 5])
def test_n_plus_one_asks_once_more_for_each_row(cook: Cook, rows: Any, most: int) -> None:
    ran = cook("n-plus-one", most=most)
    expected = [
        {"account": account, "holder": holder}
        for account, holder in rows(
            "SELECT a.name, u.name FROM accounts a JOIN users u ON u.id = a.user_id"
            " WHERE a.currency = 'USD' ORDER BY a.balance DESC LIMIT %s",
            most,
        )
    ]
    assert ran.value == {"Row by row": expected, "Joined": expected}
    assert len(expected) == most
    slow, joined = ran.sections
    assert len(slow.queries) == 1 + most
    assert len(joined.queries) == 1
    assert 'JOIN "users"' in joined.queries[0].sql


def test_savers_with_their_accounts_take_two_queries(cook: Cook, rows: Any) -> None:
    accounts = defaultdict(list)
    for email, name in rows(
        "SELECT email, accounts.name FROM accounts JOIN users ON users.id = user_id"
    ):
        accounts[email].append(name)
    ran = cook("savers-with-their-accounts")
    assert ran.value == [
        {"email": email, "accounts": ", ".join(sorted(names))}
        for email, names in sorted(accounts.items())
        if "Savings" in names
    ]
    assert {"email": "ana@example.com", "accounts": "Everyday, Savings, Travel"} in ran.value
    assert ran.queries == 2
    assert '"user_id" IN (' in ran.work.queries[1].sql


@pytest.mark.parametrize("each", [1, 3])
def test_largest_payments_of_accounts(cook: Cook, rows: Any, each: int) -> None:
    payments = defaultdict(list)
    for account, what, amount in rows(
        "SELECT a.name, t.description, t.amount FROM transactions t JOIN accounts a"
        " ON a.id = t.from_account_id JOIN users u ON u.id = a.user_id"
        " WHERE u.email = 'ana@example.com' AND t.type = 'withdrawal' ORDER BY t.id"
    ):
        payments[account].append({"account": account, "paid_for": what, "amount": amount})
    ran = cook("largest-payments-of-accounts", each=each)
    assert ran.value == [
        payment
        for account in sorted(payments)
        for payment in sorted(payments[account], key=lambda row: -row["amount"])[:each]
    ]
    assert len(ran.value) == 2 * each  # nothing leaves the bank from her savings
    assert ran.queries == 2
    assert "ROW_NUMBER() OVER (PARTITION BY" in ran.work.queries[1].sql


def test_rent_paid_by_each_account_keeps_those_without(cook: Cook, rows: Any) -> None:
    rents: Counter[Any] = Counter()
    for account, amount in rows(
        "SELECT from_account_id, amount FROM transactions WHERE category = 'rent'"
    ):
        rents[account] += amount
    accounts = rows(
        "SELECT a.id, email, a.name FROM accounts a JOIN users ON users.id = user_id"
        " WHERE currency = 'GBP' ORDER BY email, a.name"
    )
    ran = cook("rent-paid-by-each-account")
    assert [(row["user__email"], row["name"], row["rent_paid"]) for row in ran.value] == [
        (email, name, rents.get(account)) for account, email, name in accounts
    ]
    assert [row["rent_paid"] is None for row in ran.value].count(True) == 3
    on = ran.work.queries[0].sql.partition("LEFT OUTER JOIN")[2].partition("WHERE")[0]
    assert "\"category\" = 'rent'" in on


def test_last_payment_of_each_account(cook: Cook, rows: Any) -> None:
    last: dict[Any, Any] = {}
    for account, what, when in rows(
        "SELECT from_account_id, description, created_at FROM transactions ORDER BY created_at"
    ):
        last[account] = (what, when)
    accounts = rows("SELECT id, name FROM accounts WHERE currency = 'GBP'")
    ran = cook("last-payment-of-each-account")
    found = [(row["name"], row["last_payment"], row["paid_at"]) for row in ran.value]
    expected = [(name, *last.get(account, (None, None))) for account, name in accounts]
    assert Counter(found) == Counter(expected)
    paid = [when for _name, _what, when in found if when]
    assert paid == sorted(paid, reverse=True)
    assert found[-1][2] is None  # nulls last
    assert ran.work.queries[0].plan.count("Scan Backward using transactions_from_created") == 2


def test_accounts_that_draw_cash(cook: Cook, rows: Any) -> None:
    drawn = Counter(
        account
        for (account,) in rows(
            "SELECT from_account_id FROM transactions WHERE category = 'cash' AND currency = 'USD'"
        )
    )
    accounts = rows(
        "SELECT a.id, email, a.name FROM accounts a JOIN users ON users.id = user_id"
        " WHERE currency = 'USD' ORDER BY email, a.name"
    )
    ran = cook("accounts-that-draw-cash")
    named = [({"user__email": email, "name": name}, drawn[pk] > 0) for pk, email, name in accounts]
    assert ran.value == {
        "Cash was drawn": [account for account, some in named if some],
        "Never": [account for account, some in named if not some],
        "Rows of the join": drawn.total(),
    }
    assert drawn.total() > 2 * len(drawn) > 2
    exists, not_exists, _joined = (section.queries[0] for section in ran.sections)
    assert " AND EXISTS(SELECT 1" in exists.sql
    assert "Semi Join" in exists.plan
    assert " AND NOT EXISTS(SELECT 1" in not_exists.sql
    assert "Anti Join" in not_exists.plan


@pytest.mark.parametrize("currency", ["KWD", "GBP"])
def test_money_in_and_out(cook: Cook, rows: Any, currency: str) -> None:
    sides: dict[str, Any] = {"from": defaultdict(list), "to": defaultdict(list)}
    for sender, recipient, amount in rows(
        "SELECT from_account_id, to_account_id, amount FROM transactions WHERE currency = %s",
        currency,
    ):
        sides["from"][sender].append(amount)
        sides["to"][recipient].append(amount)
    right, wrong = [], []
    for account, name in rows(
        "SELECT a.id, a.name FROM accounts a JOIN users ON users.id = user_id"
        " WHERE currency = %s ORDER BY email, a.name",
        currency,
    ):
        out, into = sides["from"][account], sides["to"][account]
        right.append({"name": name, "out": sum(out) or None, "into": sum(into) or None})
        wrong.append(
            {
                "name": name,
                "out": sum(out) * max(1, len(into)) or None,
                "into": sum(into) * max(1, len(out)) or None,
            }
        )
    ran = cook("money-in-and-out", currency=currency)
    assert ran.value == {"By two joins: wrong": wrong, "By two subqueries": right}
    assert right != wrong


def test_money_in_and_out_says_how_often(cook: Cook) -> None:
    ran = cook("money-in-and-out")
    ((wrong,), (right,)) = ran.value.values()
    assert (wrong["out"] / right["out"], wrong["into"] / right["into"]) == (16, 478)
    assert "7,648" in ran.recipe.notice
    assert 16 * 478 == 7648


def unquoted(sql: str) -> str:
    """Django 6.1 quotes the aliases of joined tables, 5.2 does not."""
    return sql.replace('"T4"', "T4")


def test_one_row_or_two(cook: Cook, rows: Any) -> None:
    paid = defaultdict(list)
    for email, category, amount in rows(
        "SELECT email, category, amount FROM transactions t JOIN accounts a"
        " ON a.id = from_account_id JOIN users ON users.id = user_id"
    ):
        paid[email].append((category, amount))
    above = Decimal(1000)
    same = {e for e, all_ in paid.items() if any(c == "rent" and a > above for c, a in all_)}
    rent = {e for e, all_ in paid.items() if any(c == "rent" for c, _ in all_)}
    large = {e for e, all_ in paid.items() if any(a > above for _, a in all_)}
    ran = cook("one-row-or-two", above=1000)
    assert ran.value == {
        "The same payment": sorted(same),
        "Perhaps two payments": sorted(rent & large),
    }
    assert same < rent & large
    one, two = (section.queries[0].sql for section in ran.sections)
    assert (one.count('JOIN "transactions"'), two.count('JOIN "transactions"')) == (1, 2)
    assert '"transactions" T4' in unquoted(two)


def test_payments_and_where_they_went(cook: Cook, rows: Any) -> None:
    payments = [
        {"description": what, "amount": amount, "into": into}
        for what, amount, into in rows(
            "SELECT t.description, t.amount, r.name FROM transactions t"
            " JOIN accounts a ON a.id = t.from_account_id JOIN users u ON u.id = a.user_id"
            " LEFT JOIN accounts r ON r.id = t.to_account_id"
            " WHERE u.email = 'ana@example.com' AND a.name = 'Everyday'"
            " ORDER BY t.created_at DESC"
        )
    ]
    ran = cook("payments-and-where-they-went", most=4)
    assert ran.value == {
        "All": payments[:4],
        "Into savings": [row for row in payments if row["into"] == "Savings"][:4],
    }
    assert None in [row["into"] for row in ran.value["All"]]
    outer, inner = (section.queries[0].sql for section in ran.sections)
    assert 'LEFT OUTER JOIN "accounts" T4' in unquoted(outer)
    assert 'INNER JOIN "accounts" T4' in unquoted(inner)
