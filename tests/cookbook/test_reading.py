"""Recipes of reading much: what came, how often the database was asked, and what it read."""

import re
from collections import Counter
from contextlib import nullcontext
from typing import Any

import django
import pytest

from accounts.models import Account, User
from tests.cookbook.conftest import Cook


def rows_read(plan: str, node: str) -> int:
    """How many rows a node of a plan gave on, on Postgres 16 ("rows=5") and 18 ("rows=5.00")."""
    line = next(line for line in plan.splitlines() if node in line)
    found = re.search(r"actual time=\S+ rows=(\d+)", line)
    assert found
    return int(found[1])


@pytest.mark.parametrize("chunk", [100, 1000])
def test_add_up_row_by_row(cook: Cook, rows: Any, chunk: int) -> None:
    amounts = [
        amount
        for (amount,) in rows(
            "SELECT amount FROM transactions WHERE currency = 'EUR' AND from_account_id IS NOT NULL"
        )
    ]
    ran = cook("add-up-row-by-row", chunk=chunk)
    assert ran.value == {
        "rows": len(amounts),
        "row by row": sum(amounts),
        "in Postgres": sum(amounts),
    }
    assert f"{len(amounts):,}" in ran.recipe.pitfall
    loop, aggregate = ran.sections
    assert len(loop.queries) == len(aggregate.queries) == 1
    assert loop.queries[0].sql.startswith("DECLARE")


def test_cursor_behind_iterator(cook: Cook) -> None:
    ran = cook("cursor-behind-iterator")
    (within,) = ran.value["At the second row"]
    assert re.match(r'DECLARE "_django_curs_\w+" NO SCROLL CURSOR FOR SELECT', within["cursor"])
    assert within["outlives"] is False
    assert ran.value["Before the loop"] == ran.value["After the loop"] == []
    assert [query.sql.partition(" ")[0] for query in ran.work.queries] == [
        "SELECT",
        "DECLARE",
        "SELECT",
        "SELECT",
    ]


@pytest.mark.parametrize(("chunk", "queries"), [(8, 1 + 4), (29, 1 + 1), (1, 1 + 29)])
def test_people_in_chunks(cook: Cook, rows: Any, chunk: int, queries: int) -> None:
    ran = cook("people-in-chunks", chunk=chunk)
    ((people,),) = rows("SELECT count(*) FROM users")
    ((accounts,),) = rows("SELECT count(*) FROM accounts")
    assert ran.value == {"people": people, "accounts": accounts}
    assert people == 29
    assert ran.queries == queries


def test_prefetching_iterator_without_a_chunk_size_is_refused() -> None:
    """The pitfall of that recipe."""
    with pytest.raises(ValueError, match="chunk_size must be provided"):
        User.objects.prefetch_related("accounts").iterator()


def test_four_shapes_of_a_row(cook: Cook, rows: Any) -> None:
    largest = rows(
        "SELECT name, balance FROM accounts WHERE currency = 'USD' ORDER BY balance DESC LIMIT 2"
    )
    ran = cook("four-shapes-of-a-row", most=2)
    value = {name: list(found) for name, found in ran.value.items()}
    assert value["values"] == [{"name": name, "balance": balance} for name, balance in largest]
    assert value["values_list"] == largest
    assert value["values_list, flat"] == [balance for _name, balance in largest]
    assert [(row.name, row.balance) for row in value["values_list, named"]] == largest
    assert [type(row) for row in value["values_list"]] == [tuple, tuple]
    assert [query.sql.partition(" FROM ")[0].count("AS") for query in ran.work.queries] == [
        2,
        2,
        1,
        2,
    ]


def test_flat_without_a_column_gives_the_id() -> None:
    """The pitfall of that recipe."""
    warns = pytest.deprecated_call() if django.VERSION >= (6, 1) else nullcontext()
    with warns:
        first = str(Account.objects.values_list(flat=True).query).partition(",")[0]
    assert first.startswith('SELECT "accounts"."id"')


@pytest.mark.parametrize("most", [1, 3])
def test_fields_left_out(cook: Cook, rows: Any, most: int) -> None:
    newest = rows(
        "SELECT description, amount, currency FROM transactions WHERE category = 'salary'"
        " ORDER BY created_at DESC, id DESC LIMIT %s",
        most,
    )
    ran = cook("fields-left-out", most=most)
    amounts = [{"what": what, "amount": amount} for what, amount, _currency in newest]
    assert ran.value == {
        "By defer": amounts,
        "By only": amounts,
        "One field more": [{"what": what, "currency": currency} for what, _, currency in newest],
    }
    defer, only, more = ran.sections
    assert [len(section.queries) for section in ran.sections] == [1, 1, 1 + most]
    deferred = defer.queries[0].sql.partition(" FROM ")[0]
    assert '"reference"' in deferred
    assert '"metadata"' not in deferred
    assert '"search"' not in deferred
    assert only.queries[0].sql.partition(" FROM ")[0].count('"transactions".') == 3
    assert '"id", "transactions"."currency" FROM' in more.queries[1].sql


@pytest.mark.parametrize("category", ["cash", "travel"])
def test_any_many_all(cook: Cook, rows: Any, category: str) -> None:
    ((number,),) = rows(
        "SELECT count(*) FROM transactions WHERE category = %s AND currency = 'USD'", category
    )
    ran = cook("any-many-all", category=category)
    assert ran.value == {"exists": True, "count": number, "len": number}
    exists, count, length = (section.queries[0] for section in ran.sections)
    assert exists.sql.startswith("SELECT 1 ")
    assert exists.sql.endswith("LIMIT 1")
    assert count.sql.startswith("SELECT COUNT(*)")
    assert '"metadata"' in length.sql
    assert rows_read(exists.plan, "Limit") == 1
    assert rows_read(count.plan, "Aggregate") == 1
    assert rows_read(length.plan, "Scan") == number > 1


def test_plan_of_a_page(cook: Cook) -> None:
    plans = {title: "\n".join(lines) for title, lines in cook("plan-of-a-page").value.items()}
    assert rows_read(plans["Measured"], "Scan Backward using transactions_from_created") == 10
    assert "Sort" not in plans["Measured"]
    assert "cost=" in plans["Guessed"]
    assert "actual" not in plans["Guessed"]


@pytest.mark.parametrize("page", [2, 30])
def test_keyset_and_offset(cook: Cook, rows: Any, page: int) -> None:
    payments = [
        {"created_at": when, "description": what, "amount": amount}
        for when, what, amount in rows(
            "SELECT t.created_at, t.description, t.amount FROM transactions t"
            " JOIN accounts a ON a.id = t.from_account_id JOIN users u ON u.id = a.user_id"
            " WHERE u.email = 'ana@example.com' AND a.name = 'Everyday'"
            " ORDER BY t.created_at DESC"
        )
    ]
    expected = payments[(page - 1) * 5 : page * 5]
    ran = cook("keyset-and-offset", page=page)
    assert ran.value == {"By OFFSET": expected, "By keyset": expected}
    plans = {section.title: section.queries[0].plan for section in ran.sections}
    index = "Index Scan Backward using transactions_from_created"
    assert rows_read(plans["By OFFSET"], index) == page * 5
    assert rows_read(plans["By keyset"], index) == 5


def test_keyset_of_two_columns_leaves_no_tie_out(cook: Cook, rows: Any) -> None:
    payments = [
        {"value_date": day, "description": what, "amount": amount}
        for day, what, amount in rows(
            "SELECT value_date, description, amount FROM transactions"
            " WHERE category = 'subscription' AND currency = 'USD' ORDER BY amount DESC, id"
        )
    ]
    ran = cook("keyset-of-two-columns", most=4)
    assert ran.value == {"The first page": payments[:4], "The next page": payments[4:8]}
    assert Counter(row["amount"] for row in payments[:8]) == {payments[0]["amount"]: 8}


def test_people_by_email(cook: Cook, rows: Any) -> None:
    names = dict(rows("SELECT email, name FROM users"))
    ran = cook("people-by-email")
    assert ran.value == {
        "ana@example.com": names["ana@example.com"],
        "mara.lindt@example.com": names["mara.lindt@example.com"],
        "nobody@example.com": "nobody",
    }
    assert ran.queries == 1
    assert '"email" IN (' in ran.work.queries[0].sql
