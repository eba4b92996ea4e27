"""Recipes of several databases. They run here on one server, which is its own replica."""

from collections.abc import Callable
from typing import Any

from tests.cookbook.conftest import Cook
from tests.cookbook.shared import errors


def test_accounts_of_a_database(cook: Cook) -> None:
    assert [row["read from"] for row in cook("accounts-of-a-database").value] == ["default"] * 3


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


def test_read_your_own_writes(cook: Cook) -> None:
    assert cook("read-your-own-writes").value == {"read from": "the replica"}


def test_lost_commit(cook: Cook) -> None:
    """The same error, two outcomes, and one jar in the end."""
    assert cook("lost-commit").value == [
        {"answer lost": "before COMMIT", "there": False, "after the retry": 1},
        {"answer lost": "after COMMIT", "there": True, "after the retry": 1},
    ]
