"""The lab's pages, and that trying everything leaves no trace."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import BoundedSemaphore
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from cookbook.lab import views
from cookbook.lab.attempt_runner import SEALING, AttemptResults, Outcome, run_attempts
from cookbook.lab.attempts import ATTEMPTS, WITHOUT_THE_RIGHT
from cookbook.lab.attempts.attempt import CHECK
from cookbook.practice import bank
from cookbook.practice.readiness import SCHEMA
from cookbook.runner import limiter
from tests.cookbook.shared import HARMLESS, sealing
from tests.factories import UserFactory
from tests.pages import markup_of, text_of
from transactions.audit.audit import audit

(LEAVES_OUT,) = [attempt for attempt in ATTEMPTS if attempt.slug == "transactions-amount"]
TWO_ANSWERS = (("23502", "amount"), ("55P03", ""))
TABLES = list(dict.fromkeys(attempt.table for attempt in ATTEMPTS))


@pytest.fixture
def reader(client: Client, practice_bank: None, db: None) -> Client:
    client.force_login(UserFactory())
    return client


def page(reader: Client, address: str) -> str:
    answer = reader.get(address)
    assert answer.status_code == 200
    assert len(answer.content) < 20_000 + 120 * len(ATTEMPTS)
    return markup_of(answer)


def test_trying_everything_says_that_the_books_stand(reader: Client) -> None:
    said = page(reader, "/cookbook/lab/?try=all")
    assert f"refused {len(ATTEMPTS)} of {len(ATTEMPTS)}" in said
    assert "The books are intact." in said
    assert 'class="alert' not in said
    assert said.count("permission denied for table") == len(WITHOUT_THE_RIGHT)


def test_the_first_page_tries_nothing_unasked(reader: Client) -> None:
    said = page(reader, "/cookbook/lab/")
    assert "Refused" not in said
    assert "permission denied" not in said
    for table in TABLES:
        assert f'href="/cookbook/lab/{table}/"' in said


@pytest.mark.parametrize("table", TABLES)
def test_a_table_has_each_of_its_rules_with_a_way_to_try_it(reader: Client, table: str) -> None:
    said = page(reader, f"/cookbook/lab/{table}/")
    assert "SQLSTATE" not in said
    for attempt in ATTEMPTS:
        if attempt.table == table:
            assert f'href="?try={attempt.slug}#{attempt.slug}"' in said


def test_an_attempt_shows_its_sql_the_sqlstate_the_rule_and_what_postgres_says(
    reader: Client,
) -> None:
    said = page(reader, "/cookbook/lab/accounts/?try=balance_follows_rows")
    assert "<code>23514</code>" in said
    tried = [attempt for attempt in ATTEMPTS if attempt.slug == "balance_follows_rows"]
    (outcome,) = run_attempts(tried).outcomes
    assert f"<dd>{outcome.message}</dd>" in said
    assert "balance = balance + <span" in said
    assert said.count("The books are intact.") == 1
    assert "BEFORE UPDATE OF balance, held, last_entry_at ON accounts" in said


def rows_of(said: str, table: str) -> list[list[str]]:
    """The cells of a table's rows among all that was tried."""
    body = said[said.index(f">{table}</a></th>") :].partition("</tbody>")[0]
    return [
        [text.strip() for text in re.findall(r"<td>(.*?)</td>", row, re.DOTALL)]
        for row in re.findall(r"<tr> ?(<td>.*?)</tr>", body, re.DOTALL)
    ]


def test_columns_are_left_out_one_at_a_time_and_told_apart_by_what_stopped_it(
    reader: Client,
) -> None:
    said = page(reader, "/cookbook/lab/?try=all")
    left = [row for row in rows_of(said, "audit_runs") if row[0].startswith("Insert a row without")]
    assert left == [
        [
            "Insert a row without one of these columns: started_at, finished_at",
            "audit_run_stays",
            "23514",
        ],
        [
            "Insert a row without one of these columns: id, accounts, transactions, findings",
            "NOT NULL",
            "23502",
        ],
    ]
    left = [
        row for row in rows_of(said, "annotations") if row[0].startswith("Insert a row without")
    ]
    assert left == [
        [
            "Insert a row without one of these columns: id, text, tags, created_at",
            "NOT NULL",
            "23502",
        ],
        [
            "Insert a row without one of these columns: transaction_id, owner_id",
            "annotation_of_own_side",
            "23514",
        ],
    ]


def test_a_column_that_was_not_tried_is_told_from_one_that_was_refused() -> None:
    outcomes = [Outcome(LEAVES_OUT, state, rule) for state, rule in TWO_ANSWERS]
    assert [left.stopped for left in views._left_out(outcomes)] == outcomes


def test_what_stopped_it_is_a_rule_or_a_column_that_is_said_to_be_one(
    reader: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "ATTEMPTS", (replace(LEAVES_OUT, state=CHECK),))
    said = page(reader, "/cookbook/lab/?try=all")
    assert [row[1:] for row in rows_of(said, "transactions")] == [["NOT NULL of amount", "23502"]]


def test_each_row_says_the_sqlstate_that_postgres_gave(reader: Client) -> None:
    said = page(reader, "/cookbook/lab/?try=all")
    outcomes = run_attempts(ATTEMPTS).outcomes
    for table in TABLES:
        given = {
            (o.state, "NOT NULL" if o.is_not_null else o.rule)
            for o in outcomes
            if o.attempt.table == table
        }
        assert {(state, by) for _what, by, state in rows_of(said, table)} == given


@pytest.mark.parametrize("address", ["accounts/?try=nothing", "accounts/?try=all", "?try=nothing"])
def test_an_attempt_that_there_is_not_is_said_not_to_be_there(reader: Client, address: str) -> None:
    said = text_of(reader.get(f"/cookbook/lab/{address}"))
    assert f"There is no attempt “{address.partition('=')[2]}” on" in said
    assert "nothing was tried" in said


@pytest.mark.parametrize("address", ["", "?try=all", "accounts/", "accounts/?try=accounts_pkey"])
def test_where_there_is_such_an_attempt_or_none_is_asked_for_nothing_is_said(
    reader: Client, address: str
) -> None:
    assert "nothing was tried" not in page(reader, f"/cookbook/lab/{address}")


@pytest.mark.parametrize("address", ["", "accounts/"])
def test_the_box_at_the_head_searches_recipes(reader: Client, address: str) -> None:
    said = page(reader, f"/cookbook/lab/{address}")
    assert 'placeholder="Search recipes"' in said
    assert "Search payments" not in said
    assert 'role="search" action="/cookbook/"' in said


def test_while_sealing_runs_it_is_said_once(reader: Client) -> None:
    with sealing():
        said = text_of(reader.get("/cookbook/lab/?try=all"))
        one = text_of(reader.get("/cookbook/lab/seals/?try=seal_follows"))
    assert said.count(SEALING) == 1
    assert "not tested (" not in said
    assert "not protected" not in said
    assert SEALING in one


def test_a_rule_behind_another_says_so(reader: Client) -> None:
    said = page(reader, "/cookbook/lab/accounts/?try=account_id_currency_unique")
    assert "<code>accounts_pkey</code> refuses the attempt first." in said
    assert "The books are intact." in said


def test_a_foreign_key_that_is_asked_at_commit_is_asked_at_once(reader: Client) -> None:
    said = page(reader, "/cookbook/lab/accounts/?try=accounts_user_id_7f1e1f1e_fk_users_id")
    assert "as COMMIT would" in said
    assert "<code>23503</code>" in said


def test_a_column_left_out(reader: Client) -> None:
    said = page(reader, "/cookbook/lab/transactions/?try=transactions-amount")
    assert "NOT NULL of <code>amount</code>" in said
    assert "<code>23502</code>" in said


def test_books_that_could_be_broken_are_a_red_alert(
    reader: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "ATTEMPTS", (HARMLESS,))
    said = page(reader, "/cookbook/lab/accounts/?try=no_such_rule")
    assert '<p class="alert" role="alert">' in said
    assert "The books are not protected here" in said
    assert "The books are intact." not in said
    said = page(reader, "/cookbook/lab/?try=all")
    assert '<p class="alert" role="alert">' in said
    assert "The books are not protected here" in said
    assert "refused 0 of 1" in said


def test_nopractice_bank_is_said(reader: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cookbook.practice.readiness.is_current", lambda: False)
    for address in ("/cookbook/lab/accounts/", "/cookbook/lab/?try=all"):
        assert "manage.py practice_bank" in page(reader, address)


def test_an_unknown_table_is_not_found_and_an_unknown_attempt_tries_nothing(
    reader: Client,
) -> None:
    assert reader.get("/cookbook/lab/sessions/").status_code == 404
    assert "SQLSTATE" not in page(reader, "/cookbook/lab/accounts/?try=nothing")


def test_where_there_is_no_room_to_try_everything_the_page_says_so(
    reader: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiter, "_room", BoundedSemaphore(1))
    monkeypatch.setattr(limiter, "SECONDS", 0.01)
    with limiter.limited():
        assert "Try again in a moment" in page(reader, "/cookbook/lab/?try=all")


@pytest.mark.usefixtures("practice_bank")
@pytest.mark.django_db(transaction=True)
def test_trying_everything_twice_and_in_parallel_leaves_no_trace() -> None:
    before = everything_stored()
    with ThreadPoolExecutor(2) as threads:
        runs = [threads.submit(try_all_and_hang_up) for _ in range(4)]
        assert [run.result().stands for run in runs] == [True] * 4
    assert everything_stored() == before
    with bank._first_in_path(SCHEMA):
        proved = audit()
    assert proved.transactions == before["practice.transactions"][0]
    assert proved.findings == []


def try_all_and_hang_up() -> AttemptResults:
    try:
        return run_attempts(ATTEMPTS)
    finally:
        connection.close()


def everything_stored() -> dict[str, Any]:
    """Of each table of the practice bank and of the real books how many rows, and their digest;
    of each sequence where it stands."""
    stored: dict[str, Any] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname IN ('public', 'practice')"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(
                "SELECT count(*), md5(string_agg(md5(row::text), '' ORDER BY md5(row::text)))"
                f" FROM {table} AS row"
            )
            stored[table] = cursor.fetchone()
        cursor.execute("SELECT schemaname, sequencename, last_value FROM pg_sequences")
        stored["sequences"] = sorted(cursor.fetchall())
    return stored
