"""The practice bank, once for each database of tests, and how recipes are run in it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

from ledger.cookbook import practice
from ledger.cookbook.recipes import BY_SLUG
from ledger.cookbook.running import Ran, run

Cook = Callable[..., Ran]


@pytest.fixture(scope="session")
def _practice_bank(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    with django_db_blocker.unblock():
        practice.build()
        connection.close()


@pytest.fixture
def cook(_practice_bank: None, db: None) -> Cook:
    """Runs a recipe by its slug, as its page does; fails where it was stopped."""

    def cook(slug: str, **values: Any) -> Ran:
        ran = run(BY_SLUG[slug], values)
        assert not ran.stopped, ran.stopped
        return ran

    return cook


@pytest.fixture
def rows(_practice_bank: None, db: None) -> Callable[..., list[Any]]:
    """Rows of the practice bank by plain SQL, to hold a recipe's result against."""

    def rows(sql: str, *values: Any) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL search_path = practice")
            cursor.execute(sql, values)
            found: list[Any] = cursor.fetchall()
            cursor.execute("RESET search_path")
            return found

    return rows
