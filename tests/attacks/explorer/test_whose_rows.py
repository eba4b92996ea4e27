"""Whose rows a query of the explorer reads: no token is forged, and no condition, error, value or
plan tells of others.
"""

import time
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings

from accounts.models import Account
from explorer.access import ExplorerReader
from explorer.running.session import read_only_session
from explorer.schema.functions import SETTING
from explorer.schema.installation import keys
from explorer.schema.views import VIEWS
from ledger.db.row_security import RowScope, signed
from ledger.db.row_security import keys as keys_of_row_security
from tests.conftest import signed_in
from tests.explorer.books import Books, query, rows
from tests.pooler import beside
from transactions.models import Transaction

pytestmark = pytest.mark.django_db
COUNTS = {
    "accounts": "1", "transactions": "2", "entries": "2", "users": "1",
}  # fmt: skip


@pytest.mark.parametrize("view", COUNTS)
def test_a_customer_reads_their_own_rows_alone(view: str, books: Books) -> None:
    assert rows(books.own(books.ana), f"SELECT count(*) FROM {view}") == [(COUNTS[view],)]


def test_a_customer_sees_neither_names_nor_balances_of_others(books: Books) -> None:
    reader = books.own(books.ana)
    assert rows(reader, "SELECT name FROM users") == [("Ana Ferreira",)]
    ((mine, theirs),) = rows(
        reader, "SELECT from_balance, to_balance FROM transactions WHERE type = 'transfer'"
    )
    assert mine == "487.5000"
    assert theirs is None


def test_an_analyst_sees_rows_of_all_and_the_name_of_nobody(books: Books) -> None:
    assert set(rows(books.bank, "SELECT name FROM users")) == {(None,), ("Analyst",)}
    assert set(rows(books.bank, "SELECT name FROM accounts")) == {(None,)}
    assert rows(books.bank, "SELECT count(*) FROM accounts") == [("3",)]
    assert ("Eve Moreau",) in rows(books.names, "SELECT name FROM users")


LEAKS = [
    # Would fail on the row of Ana and Ben, and so tell what is in it.
    "SELECT count(*) FROM transactions WHERE 1 / (1 - (description LIKE '%secret%')::int) = 2",
    "SELECT count(*) FROM entries WHERE 1 / (length(description) - 14) = 7",
    "SELECT count(*) FROM entries WHERE description = 'Concert secret' AND description::int = 1",
    "SELECT count(*) FROM accounts WHERE 1 / (balance - 487.5) = 7",
    "SELECT count(*) FROM users WHERE name LIKE 'Ana%' AND name::int = 1",
]


@pytest.mark.parametrize("sql", LEAKS)
def test_no_error_tells_of_rows_that_the_reader_does_not_see(sql: str, books: Books) -> None:
    assert rows(books.own(books.eve), sql) == [("0",)]


@pytest.mark.parametrize("view", ["entries", "transactions"])
def test_texts_that_people_wrote_are_for_those_who_may_see_names(view: str, books: Books) -> None:
    sql = f"SELECT DISTINCT description, reference, metadata->>'who' FROM {view}"
    assert rows(books.bank, sql) == [(None, None, None)]
    kept = f"SELECT DISTINCT category, metadata->>'channel' FROM {view} WHERE category > ''"
    assert rows(books.bank, kept) == [("leisure", "card")]
    for reader in (books.names, books.own(books.ana)):
        assert "Concert secret" in {row[0] for row in rows(reader, sql)}


# Comparisons of ids and times never raise an error, so Postgres may use them before the barrier.
NAMED = [
    "SELECT count(*) FROM entries WHERE account_id = $1::uuid",
    "SELECT count(*) FROM entries WHERE counterparty_id = $1::uuid",
    "SELECT count(*) FROM entries WHERE transaction_id = $2::uuid",
    "SELECT count(*) FROM transactions WHERE from_account_id = $1::uuid",
    "SELECT count(*) FROM transactions WHERE to_account_id = $1::uuid AND created_at > '-infinity'",
    "SELECT count(*) FROM transactions WHERE id = $2::uuid",
    "SELECT count(*) FROM accounts WHERE id = $1::uuid",
    "SELECT count(*) FROM accounts WHERE user_id = $3::uuid",
    "SELECT count(*) FROM users WHERE id = $3::uuid",
]


@pytest.mark.parametrize("sql", NAMED)
def test_what_a_customer_s_query_reads_does_not_depend_on_others(sql: str, books: Books) -> None:
    """Neither its time nor any statistic of the server counts rows of the account that it names."""
    payment = Transaction.objects.get(from_account=books.ana)
    places = [place for place in ("$1", "$2", "$3") if place in sql]
    there = {"$1": books.ana.pk, "$2": payment.pk, "$3": books.ana.user_id}

    def work(reader: ExplorerReader, values: list[str]) -> str:
        """What was executed, and how many rows each step had."""
        explain = "EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off, BUFFERS off) "
        statement = sql
        for place, value in zip(places, values, strict=True):
            statement = statement.replace(place, f"'{value}'")
        with read_only_session(reader, 5) as session:
            session.execute("SET LOCAL enable_seqscan = off")
            lines = session.execute((explain + statement).encode()).fetchall()
        plan = "\n".join(line for (line,) in lines)
        for value in values:
            plan = plan.replace(value, "...")
        return plan

    known = [str(there[place]) for place in places]
    unknown = [str(uuid4()) for _ in places]
    own, bank = books.own(books.eve), books.bank
    assert work(own, known) == work(own, unknown)
    assert work(bank, known) != work(bank, unknown)  # the plan would show it


def test_names_leak_by_no_condition_of_an_analyst(books: Books) -> None:
    sql = (
        "SELECT count(*) FROM users WHERE name LIKE 'Ana F%' OR name LIKE 'Ben%' AND name::int = 1"
    )
    assert rows(books.bank, sql) == [("0",)]


def forged(reader: ExplorerReader, key: bytes, *, seconds: int = 300) -> str:
    return signed(reader.person.pk, reader.scope, int(time.time()) + seconds, key)


@pytest.mark.usefixtures("may_execute")
@pytest.mark.parametrize("is_local", ["true", "false"])
def test_no_token_can_be_forged(is_local: str, books: Books) -> None:
    """Of another key, of row-level security's, of one that is over, changed, or none at all."""
    right = forged(books.names, keys()[0])
    tokens = [
        forged(books.names, b"-" * 32),
        forged(books.names, keys_of_row_security()[0]),
        forged(books.names, keys()[0], seconds=-5),
        right.replace(" 5 ", " 6 "),
        right.replace(str(books.clerk.pk), str(books.ana.user.pk)),
        f"{uuid4()} 5 {int(time.time()) + 300} {'0' * 64}",
        "",
    ]
    for token in tokens:
        # A view asks once, when its rows are read; the token is set before, on the same row.
        sql = (
            f"SELECT (SELECT count(*) FROM accounts) FROM"
            f" (SELECT set_config('{SETTING}', :token, {is_local}) OFFSET 0) AS set_first"
            " WHERE set_config IS NOT NULL"
        )
        result = query(books.own(books.eve), sql, token=token)
        assert result.problem is None
        assert int(result.rows[0][0] or 0) <= 1


def test_a_reader_without_a_token_sees_no_row(books: Books) -> None:
    with beside(user=settings.LEDGER_EXPLORER_ROLE) as session:
        for view in VIEWS:
            if view.name != "currencies":
                count = session.execute(f"SELECT count(*) FROM explorer.{view.name}".encode())
                assert count.fetchone() == (0,)


def test_values_of_parameters_never_become_sql(books: Books) -> None:
    value = "x' OR true; DROP VIEW explorer.entries; --"
    assert rows(books.bank, "SELECT :it", it=value) == [(value,)]
    sql = "SELECT count(*) FROM entries WHERE description = %(it)s"
    assert rows(books.bank, sql, it=value) == [("0",)]
    problem = query(books.bank, "SELECT count(*) FROM entries LIMIT :n::int", n="1; DROP").problem
    assert problem is not None
    assert problem.state == "22P02"


@pytest.mark.parametrize("plan", ["estimate", "run"])
def test_a_customer_gets_no_plan(plan: str, books: Books, settings: Any) -> None:
    """It counts rows of others, and estimates how many an account has."""
    settings.LEDGER_EXPLORER = "customers"
    sql = "SELECT count(*) FROM entries"
    assert query(books.bank, sql, plan=plan).plan != ""
    assert query(books.own(books.ana), sql, plan=plan).plan == ""
    for form in ("page", "csv", "json"):
        asked = {"sql": sql, "plan": plan, "as": form}
        pages = [
            signed_in(each).post("/explorer/", asked) for each in (books.analyst, books.ana.user)
        ]
        assert [page.status_code for page in pages] == [200, 200]
        texts = [page.content.decode() for page in pages]
        assert ["Aggregate" in text for text in texts] == [form == "page", False]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT query_to_xml('EXPLAIN SELECT * FROM entries', true, false, '')::text",
        "SELECT * FROM ts_stat('EXPLAIN SELECT * FROM entries')",
        "SELECT ts_rewrite('a'::tsquery, 'EXPLAIN SELECT * FROM entries')",
        "EXPLAIN SELECT * FROM entries",
        "SELECT count(*) FROM (EXPLAIN SELECT * FROM entries) AS plan",
    ],
)
def test_no_text_of_a_customer_is_explained(sql: str, books: Books) -> None:
    problem = query(books.own(books.ana), sql).problem
    assert problem is not None
    assert "cost=" not in problem.sentence


def test_scopes_of_readers_are_those_of_the_token(books: Books) -> None:
    own = ExplorerReader(books.analyst, RowScope.OWN)
    assert rows(own, "SELECT count(*) FROM accounts") == [("0",)]


def test_accounts_of_the_books_are_three(books: Books) -> None:
    """So that the tests above compare with something."""
    assert Account.objects.count() == 3
