"""Recipes of several databases. They run here on one server, which is its own replica."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection

from cookbook.recipes import BY_SLUG, databases
from cookbook.search import find
from tests.cookbook.conftest import Cook
from tests.cookbook.shared import errors


def test_accounts_of_a_database(cook: Cook) -> None:
    rows = cook("accounts-of-a-database").value
    assert [row["read from"] for row in rows] == ["default"] * 3
    assert len({row["number"] for row in rows}) == 3


def test_router(cook: Cook) -> None:
    answers = [row["answer"] for row in cook("router").value]
    assert answers == ["replica1", "default", False]


def test_read_only(cook: Cook) -> None:
    ran = cook("read-only")
    assert ran.value["refused"].startswith("25006")
    assert (ran.value["coins"], ran.value["jars"]) == (100, 1)
    assert [error.split()[0] for error in errors(ran)] == ["25006"]


def test_replica_lag_of_a_primary_is_empty(cook: Cook) -> None:
    (row,) = cook("replica-lag").value
    assert row == {"is_standby": False, "received": None, "replayed": None, "age": None}


def test_standbys_are_those_of_the_server(cook: Cook, rows: Callable[..., list[Any]]) -> None:
    ((number,),) = rows("SELECT count(*) FROM pg_stat_replication")
    assert len(cook("standbys").value) == number


def test_the_role_of_recipes_sees_no_other_sessions(rows: Callable[..., list[Any]]) -> None:
    """So what a standby has confirmed is NULL to it, as that recipe says."""
    ((may,),) = rows(
        "SELECT pg_has_role(%s, 'pg_read_all_stats', 'MEMBER')", settings.LEDGER_COOKBOOK_ROLE
    )
    assert may is False
    assert "pg_read_all_stats" in BY_SLUG["standbys"].pitfall


def test_read_your_own_writes(cook: Cook) -> None:
    """The server that was asked is the writer itself, and the page says so."""
    asked = "the writer, in place of a replica"
    assert cook("read-your-own-writes").value == {"asked": asked, "read from": asked}


def test_lost_commit(cook: Cook) -> None:
    """The same error, two outcomes, and one jar in the end."""
    ran = cook("lost-commit")
    lost = [step.error for step in ran.steps if step.error]
    assert len(lost) == 2
    assert all("before the answer to COMMIT came" in error for error in lost)
    assert ran.value == [
        {"answer lost": "before COMMIT", "there": False, "after the retry": 1},
        {"answer lost": "after COMMIT", "there": True, "after the retry": 1},
    ]


@pytest.mark.django_db
def test_a_search_for_failover_finds_recipes() -> None:
    assert {"lost-commit", "standbys"} <= {recipe.slug for recipe in find("failover").every}


def test_a_database_that_does_not_answer_is_tried_again(
    cook: Cook, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cook("until-it-answers").value == "It answered try 1."
    refused = iter([True, True, False])
    paused: list[float] = []
    monkeypatch.setattr(databases, "sleep", paused.append)

    def starting(execute: Any, *query: Any) -> Any:
        if next(refused):
            raise OperationalError("the database system is starting up")
        return execute(*query)

    with connection.execute_wrapper(starting):
        assert databases.until_it_answers() == "It answered try 3."
    assert len(paused) == 2
    refused = iter([True])
    with connection.execute_wrapper(starting):
        assert databases.until_it_answers(1) == "It did not answer."
