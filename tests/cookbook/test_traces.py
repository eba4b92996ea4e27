"""The cookbook leaves no trace, however many recipes are run, and however many at once."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from cookbook.practice.readiness import SCHEMA, SCRATCH
from cookbook.recipe import Recipe
from cookbook.recipes import RECIPES
from cookbook.runner.parameters import form_of
from cookbook.runner.run import run
from cookbook.templatetags.cookbook import whole_source
from tests.factories import AccountFactory
from transactions import services
from transactions.audit.audit import audit

# What a recipe could leave behind besides rows.
REST = """
    SELECT 'extension', extname::text, extnamespace::text FROM pg_extension
    UNION ALL
    SELECT 'relation', oid::regclass::text, relkind::text FROM pg_class WHERE relpersistence <> 't'
    UNION ALL
    SELECT 'setting', setrole::text, setconfig::text FROM pg_db_role_setting
    WHERE setrole = 'ledger_cookbook'::regrole
    UNION ALL
    SELECT 'membership', roleid::text, member::text FROM pg_auth_members
    WHERE member = 'ledger_cookbook'::regrole
"""
AT_ONCE = 4  # as many as there are scratch schemas


@contextmanager
def in_practice() -> Any:
    with connection.cursor() as cursor:
        cursor.execute(f"SET search_path = {SCHEMA}")
        try:
            yield
        finally:
            cursor.execute("RESET search_path")


def rows_of_every_table() -> dict[str, int]:
    """The real books, the practice bank and the scratch schemas: how many rows each table has."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT format('%%I.%%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname = ANY(%s)",
            [["public", SCHEMA, *SCRATCH]],
        )
        found = {}
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT count(*) FROM {table}")
            found[table] = cursor.fetchone()[0]
        return found


def rest_of_the_database() -> set[tuple[str, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(REST)
        return set(cursor.fetchall())


def databases_named(mark: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [f"%{mark}%"])
        found: list[Any] = cursor.fetchall()
        return found


def pasted(recipe: Recipe) -> Recipe:
    """The recipe with the function of its printed source, executed in a fresh namespace."""
    namespace: dict[str, Any] = {}
    exec(whole_source(recipe), namespace)  # noqa: S102  our own source
    return replace(recipe, function=namespace[recipe.function.__name__])


Outcome = tuple[str, str, list[Any]]  # the two kinds of errors, and the shape of each table


def was_in_time(*outcomes: Outcome) -> bool:
    """Whether no run was stopped at a time limit, as happens on a busy machine."""
    return not any(stopped.startswith("Stopped") for _, stopped, _ in outcomes)


def run_and_hang_up(recipe: Recipe) -> Outcome:
    """A run in a thread of its own, as each page has."""
    try:
        form = form_of(recipe, {})
        form.full_clean()
        ran = run(recipe, form.cleaned_data)
        tables = [(table.title, table.columns, len(table.rows)) for table in ran.tables]
        return ran.error, ran.stopped, tables
    finally:
        connection.close()


@pytest.mark.usefixtures("practice_bank")
@pytest.mark.django_db(transaction=True)
def test_all_recipes_and_their_printed_sources_in_parallel_leave_no_trace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token_hex = secrets.token_hex
    mark = token_hex(8)
    monkeypatch.setattr(secrets, "token_hex", lambda size: f"{mark}{token_hex(size)}")
    everyday, pot = (AccountFactory(balance=100) for _ in range(2))
    services.transfer(from_account=everyday, to_account=pot, amount=Decimal("12.34"))
    before, rest = rows_of_every_table(), rest_of_the_database()
    assert before[f"{SCHEMA}.transactions"] > 10_000
    assert before["public.transactions"] == 3
    with ThreadPoolExecutor(AT_ONCE) as threads:
        here = [recipe for recipe in RECIPES if not recipe.missing]
        results = list(threads.map(run_and_hang_up, [*here, *map(pasted, here)]))
    pairs = zip(here, results, results[len(here) :], strict=False)
    differing = [
        recipe.slug for recipe, one, copy in pairs if one != copy and was_in_time(one, copy)
    ]
    assert {error for error, _, _ in results} == {""}
    assert differing == []
    assert rows_of_every_table() == before
    assert rest_of_the_database() == rest
    assert databases_named(mark) == []
    assert audit().clean
    with in_practice():
        assert audit().clean
