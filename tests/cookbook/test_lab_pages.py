"""The lab's pages, and that trying everything leaves no trace."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from ledger.cookbook import lab_views, practice
from ledger.cookbook.attempts import ATTEMPTS
from ledger.cookbook.lab import Tried, tried
from tests.cookbook.test_lab import HARMLESS
from tests.factories import UserFactory
from transactions.audit import audit

TABLES = list(dict.fromkeys(attempt.table for attempt in ATTEMPTS))


@pytest.fixture
def reader(client: Client, practice_bank: None, db: None) -> Client:
    client.force_login(UserFactory())
    return client


def page(reader: Client, address: str) -> str:
    answer = reader.get(address)
    assert answer.status_code == 200
    assert len(answer.content) < 60_000
    return answer.content.decode()


def test_trying_everything_says_that_the_books_stand(reader: Client) -> None:
    said = page(reader, "/cookbook/lab/?try=all")
    assert f"Refused {len(ATTEMPTS)} of {len(ATTEMPTS)}" in said
    assert "The books stand." in said
    assert 'class="alert' not in said
    assert said.count("permission denied for table") == 4


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
    assert "<dd>A balance moves by posting a transaction.</dd>" in said
    assert "balance = balance + <span" in said
    assert said.count("The books stand.") == 1
    assert "BEFORE UPDATE ON accounts FOR EACH ROW" in said


def test_a_rule_behind_another_says_so(reader: Client) -> None:
    said = page(reader, "/cookbook/lab/accounts/?try=account_id_currency_unique")
    assert "Cannot be reached: <code>accounts_pkey</code> stands before it." in said
    assert "The books stand." in said


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
    monkeypatch.setattr(lab_views, "ATTEMPTS", (HARMLESS,))
    said = page(reader, "/cookbook/lab/accounts/?try=no_such_rule")
    assert '<p class="alert" role="alert">The books could be broken here' in said
    assert "The books stand." not in said
    said = page(reader, "/cookbook/lab/?try=all")
    assert '<p class="alert" role="alert">The books could be broken here.</p>' in said
    assert "Refused 0 of 1" in said


def test_nopractice_bank_is_said(reader: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.cookbook.lab.is_current", lambda: False)
    for address in ("/cookbook/lab/accounts/", "/cookbook/lab/?try=all"):
        assert "manage.py practice_bank" in page(reader, address)


def test_an_unknown_table_is_not_found_and_an_unknown_attempt_tries_nothing(
    reader: Client,
) -> None:
    assert reader.get("/cookbook/lab/django_session/").status_code == 404
    assert "SQLSTATE" not in page(reader, "/cookbook/lab/accounts/?try=nothing")


@pytest.mark.usefixtures("practice_bank")
@pytest.mark.django_db(transaction=True)
def test_trying_everything_twice_and_in_parallel_leaves_no_trace() -> None:
    before = everything_stored()
    with ThreadPoolExecutor(2) as threads:
        runs = [threads.submit(try_all_and_hang_up) for _ in range(4)]
        assert [run.result().stands for run in runs] == [True] * 4
    assert everything_stored() == before
    with practice._first_in_path(practice.SCHEMA):
        proved = audit()
    assert proved.transactions == before["practice.transactions"][0]
    assert proved.findings == []


def try_all_and_hang_up() -> Tried:
    try:
        return tried(ATTEMPTS)
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
