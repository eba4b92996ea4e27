"""How recipes are run in the practice bank, and what their results are held against."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from cookbook.recipes import BY_SLUG
from cookbook.runner.run import RecipeRun, run

Cook = Callable[..., RecipeRun]


@pytest.fixture
def cook(practice_bank: None, db: None) -> Cook:
    """Runs a recipe by its slug, as its page does; fails where it was stopped."""

    def cook(slug: str, **values: Any) -> RecipeRun:
        ran = run(BY_SLUG[slug], values)
        assert not ran.stopped, ran.stopped
        return ran

    return cook


@pytest.fixture
def rows(practice_bank: None, db: None) -> Callable[..., list[Any]]:
    """Rows of the practice bank by plain SQL, to hold a recipe's result against."""

    def rows(sql: str, *values: Any) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL search_path = practice")
            cursor.execute(sql, values)
            found: list[Any] = cursor.fetchall()
            cursor.execute("RESET search_path")
            return found

    return rows
