"""The rows that an analyst's query reads. No token can be forged. No condition, error or value
shows names, or any row to a session without a token.
"""

import time
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from psycopg import RawCursor

from accounts.groups import ANALYSTS
from accounts.models import Account, User
from cookbook.exercises.checking import PracticeReader
from explorer.running.session import QueryConnection
from explorer.schema.functions import SETTING
from explorer.schema.installation import keys
from explorer.schema.views import VIEWS
from ledger.db.rights.row_security import RowScope, signed
from ledger.db.rights.row_security import keys as keys_of_row_security
from tests.conftest import signed_in
from tests.explorer.books import Books, query, rows
from tests.explorer.rights import executing_anything
from tests.pooler import beside

pytestmark = pytest.mark.django_db


def test_an_analyst_sees_rows_of_all_and_the_name_of_nobody(books: Books) -> None:
    assert set(rows(books.bank, "SELECT name FROM users")) == {(None,)}
    assert set(rows(books.bank, "SELECT name FROM accounts")) == {(None,)}
    assert rows(books.bank, "SELECT count(*) FROM accounts") == [("3",)]
    assert ("Eve Moreau",) in rows(books.names, "SELECT name FROM users")


def test_the_page_shows_names_only_to_a_reader_with_the_right_to_see_people(
    books: Books,
) -> None:
    books.clerk.groups.add(Group.objects.get(name=ANALYSTS))
    for person, expected in ((books.analyst, False), (books.clerk, True)):
        form = {"sql": "SELECT name FROM users", "as": "json"}
        answer = signed_in(person).post("/explorer/", form)
        assert answer.status_code == 200
        assert ("Eve Moreau" in answer.content.decode()) == expected


NO_ROWS = [scope for scope in RowScope if scope < RowScope.BANK]  # like the rows of a customer


def token_of(person: User, scope: RowScope, key: bytes = b"", *, seconds: int = 300) -> str:
    return signed(person.pk, scope, int(time.time()) + seconds, key or keys()[0])


LEAKS = [
    # Would fail on the row of Ana and Ben, and so reveal its content.
    "SELECT count(*) FROM transactions WHERE 1 / (1 - (description LIKE '%secret%')::int) = 2",
    "SELECT count(*) FROM entries WHERE 1 / (length(description) - 14) = 7",
    "SELECT count(*) FROM entries WHERE description = 'Concert secret' AND description::int = 1",
    "SELECT count(*) FROM accounts WHERE 1 / (balance - 487.5) = 7",
    "SELECT count(*) FROM users WHERE name LIKE 'Ana%' AND name::int = 1",
]


@pytest.mark.parametrize("sql", LEAKS)
def test_no_error_tells_of_rows_that_the_reader_does_not_see(sql: str, books: Books) -> None:
    for token in ("", *(token_of(books.ana.user, scope) for scope in NO_ROWS)):
        with beside(user=settings.LEDGER_EXPLORER_ROLE) as session:
            session.execute(f"SET search_path = explorer; SET {SETTING} = '{token}'".encode())
            assert session.execute(sql.encode()).fetchone() == (0,)


@pytest.mark.parametrize("view", ["entries", "transactions"])
def test_texts_that_people_wrote_are_for_those_who_may_see_names(view: str, books: Books) -> None:
    sql = f"SELECT DISTINCT description, reference, metadata->>'who' FROM {view}"
    assert rows(books.bank, sql) == [(None, None, None)]
    kept = f"SELECT DISTINCT category, metadata->>'channel' FROM {view} WHERE category > ''"
    assert rows(books.bank, kept) == [("leisure", "card")]
    assert "Concert secret" in {row[0] for row in rows(books.names, sql)}


def test_names_leak_by_no_condition_of_an_analyst(books: Books) -> None:
    sql = (
        "SELECT count(*) FROM users WHERE name LIKE 'Ana F%' OR name LIKE 'Ben%' AND name::int = 1"
    )
    assert rows(books.bank, sql) == [("0",)]


@pytest.mark.usefixtures("may_execute")
@pytest.mark.parametrize("is_local", ["true", "false"])
def test_no_token_can_be_forged(is_local: str, books: Books) -> None:
    """Tests tokens of another key and of row-level security, expired and changed tokens, and no
    token.
    """
    right = token_of(books.clerk, RowScope.STAFF)
    tokens = [
        token_of(books.clerk, RowScope.STAFF, b"-" * 32),
        token_of(books.clerk, RowScope.STAFF, keys_of_row_security()[0]),
        token_of(books.clerk, RowScope.STAFF, seconds=-5),
        right.replace(" 5 ", " 6 "),
        right.replace(str(books.clerk.pk), str(books.ana.user.pk)),
        f"{uuid4()} 5 {int(time.time()) + 300} {'0' * 64}",
        "",
    ]
    for token in tokens:
        # A view checks once, when its rows are read. The token is set before, on the same row.
        sql = (
            f"SELECT (SELECT count(*) FROM accounts) FROM"
            f" (SELECT set_config('{SETTING}', :token, {is_local}) OFFSET 0) AS set_first"
            " WHERE set_config IS NOT NULL"
        )
        assert rows(books.bank, sql, token=token) == [("0",)]


def test_no_query_sees_the_token_of_a_colleague_who_may_see_names(
    another_role: str, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests a server without a superuser, where sessions of the role see the queries of other
    sessions of the role.
    """
    execute, texts = QueryConnection.execute, list[str]()
    sql = b"SELECT query FROM pg_stat_activity WHERE pid = $1"

    def watched(session: QueryConnection, *statement: Any, **options: Any) -> Any:
        found = execute(session, *statement, **options)
        texts.extend(text for (text,) in colleague.execute(sql, [session.info.backend_pid]))
        return found

    with executing_anything(), beside(user=another_role) as colleague:
        colleague.cursor_factory = RawCursor
        monkeypatch.setattr(QueryConnection, "execute", watched)
        assert rows(books.names, "SELECT current_setting('ledger.explorer') <> ''") == [("true",)]
    assert any("BEGIN READ ONLY" in text for text in texts)
    assert not any(str(books.clerk.pk) in text for text in texts)


def test_a_reader_without_a_token_sees_no_row(books: Books) -> None:
    with beside(user=settings.LEDGER_EXPLORER_ROLE) as session:
        for view in VIEWS:
            count = session.execute(f"SELECT count(*) FROM explorer.{view.name}".encode())
            assert count.fetchone() == (0,)


def test_an_answer_to_an_exercise_sees_no_row_of_the_bank(books: Books) -> None:
    for view in VIEWS:
        assert rows(PracticeReader(), f"SELECT count(*) FROM explorer.{view.name}") == [("0",)]
    assert rows(PracticeReader(), "SELECT count(*) > 0 FROM users") == [("true",)]


def test_values_of_parameters_never_become_sql(books: Books) -> None:
    value = "x' OR true; DROP VIEW explorer.entries; --"
    assert rows(books.bank, "SELECT :it", it=value) == [(value,)]
    sql = "SELECT count(*) FROM entries WHERE description = %(it)s"
    assert rows(books.bank, sql, it=value) == [("0",)]
    problem = query(books.bank, "SELECT count(*) FROM entries LIMIT :n::int", n="1; DROP").problem
    assert problem is not None
    assert problem.state == "22P02"


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
def test_no_text_is_explained(sql: str, books: Books) -> None:
    problem = query(books.bank, sql).problem
    assert problem is not None
    assert "cost=" not in problem.sentence


def test_accounts_of_the_books_are_three(books: Books) -> None:
    """Checks the number of accounts with which the tests above compare."""
    assert Account.objects.count() == 3
