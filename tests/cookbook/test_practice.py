"""The practice bank: made once, made anew for other code, and a room without doors."""

from typing import Any

import pytest
from django.db import ProgrammingError, connection
from django.db import transaction as db_transaction

from ledger.cookbook import practice
from ledger.cookbook.role import practising
from tests.factories import AccountFactory

pytestmark = pytest.mark.usefixtures("practice_bank")


def test_it_is_a_whole_bank(db: None, rows: Any) -> None:
    assert rows("SELECT count(*) FROM users") == [(24,)]
    assert rows("SELECT name FROM users WHERE email = 'ana@example.com'") == [("Ana Ferreira",)]
    [(first, last)] = rows("SELECT min(created_at)::date, max(created_at)::date FROM transactions")
    assert (str(first), str(last)) == ("2025-06-30", "2026-06-30")


@pytest.mark.django_db
def test_every_rule_of_the_real_books_is_there_by_its_name() -> None:
    with connection.cursor() as cursor:
        for catalogue, name, table in (
            ("pg_constraint", "conname", "conrelid"),
            ("pg_trigger", "tgname", "tgrelid"),
            ("pg_index", "indexrelid::regclass::text", "indrelid"),
        ):
            cursor.execute(
                f"SELECT nspname, array_agg(regexp_replace({name}, '^practice[.]', '')"
                f" || ' on ' || relname ORDER BY relname, 1) FROM {catalogue}"
                f" JOIN pg_class c ON c.oid = {table} JOIN pg_namespace n ON n.oid = relnamespace"
                " WHERE relname IN ('accounts', 'transactions', 'seals', 'users', 'annotations')"
                " AND nspname IN ('public', 'practice') GROUP BY nspname"
            )
            found = {schema: set(names) for schema, names in cursor.fetchall()}
            known = {name for name in found["public"] if "RI_ConstraintTrigger" not in name}
            assert known
            assert known - found["practice"] == set()


@pytest.mark.django_db
def test_the_role_reaches_nothing_but_thepractice_bank() -> None:
    AccountFactory(balance=10)
    for statement in (
        "SELECT * FROM public.accounts",
        "SELECT * FROM public.users",
        "INSERT INTO public.seals DEFAULT VALUES",
        "UPDATE public.accounts SET name = 'mine'",
        "TRUNCATE public.transactions",
        "CREATE TABLE practice.of_mine ()",
        "CREATE TABLE public.of_mine ()",
        "DROP SCHEMA practice CASCADE",
        "ALTER TABLE practice.transactions DISABLE TRIGGER ALL",
    ):
        with practising(writes=True), connection.cursor() as cursor:
            with pytest.raises(ProgrammingError) as refused, db_transaction.atomic():
                cursor.execute(statement)
            assert refused.value.__cause__.sqlstate == "42501", statement  # type: ignore[union-attr]


@pytest.mark.django_db
def test_functions_with_the_owners_rights_stay_in_their_own_schema() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT nspname, proconfig FROM pg_proc JOIN pg_namespace n"
            " ON n.oid = pronamespace WHERE prosecdef AND nspname IN ('public', 'practice')"
        )
        assert sorted(cursor.fetchall()) == [
            ("practice", ["search_path=practice, pg_temp"]),
            ("public", ["search_path=public, pg_temp"]),
        ]


@pytest.mark.django_db(transaction=True)
def test_it_is_made_once_and_anew_where_the_code_has_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not practice.build()
    monkeypatch.setattr(practice, "EDITION", practice.EDITION + 1)
    assert not practice.is_current()
    said: list[str] = []
    assert practice.build(tell=said.append)
    assert said == ["Making the practice bank of the cookbook ..."]
    assert practice.is_current()
    monkeypatch.undo()
    assert practice.build()


@pytest.mark.django_db(transaction=True)
def test_a_build_that_fails_leaves_the_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(practice, "EDITION", practice.EDITION + 1)
    monkeypatch.setattr(practice, "_fill", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        practice.build()
    monkeypatch.undo()
    assert practice.is_current()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT to_regnamespace(%s), current_setting('search_path')", [practice.DRAFT]
        )
        assert cursor.fetchone() == (None, '"$user", public')


@pytest.mark.django_db
def test_without_its_role_it_says_what_is_missing(settings: Any) -> None:
    settings.LEDGER_COOKBOOK_ROLE = "nobody_here"
    with pytest.raises(practice.NoPracticeBank, match=r"nobody_here.*docs/rights.md"):
        practice.build()
