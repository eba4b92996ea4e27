"""How recipes are run in the practice bank, and what their results are held against."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from cookbook.lab import attempt_runner
from cookbook.recipes import BY_SLUG
from cookbook.runner import run as running
from cookbook.runner import time_limit
from cookbook.runner.run import RecipeRun, run
from cookbook.runner.sessions import Session
from tests.conftest import OWN_SESSION
from tests.settings import THROUGH

Cook = Callable[..., RecipeRun]


class Clock:
    """Stands still until a test moves it."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the time limit of a run."""
    clock = Clock()
    monkeypatch.setattr(time_limit, "monotonic", clock)
    return clock


@pytest.fixture(autouse=True)
def _on_a_busy_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement that had to wait for the processor is run again for its plan all the same, and
    no attempt is left out because those before it took long.
    """
    monkeypatch.setattr(running, "SLOW", 60)
    monkeypatch.setattr(attempt_runner, "SECONDS", 300)


@pytest.fixture(autouse=True)
def _no_sessions_behind_a_pooler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skips what opens a session of the cookbook: LEDGER_COOKBOOK is refused there."""
    if THROUGH == "pgbouncer":
        monkeypatch.setattr(Session, "_open", lambda _self: pytest.skip(OWN_SESSION))


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
