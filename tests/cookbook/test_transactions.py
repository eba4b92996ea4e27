"""Recipes of one person's transactions: what Postgres got, and what was committed of it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from cookbook.recipes import BY_SLUG
from cookbook.runner.run import RecipeRun
from tests.cookbook.conftest import Cook
from tests.cookbook.shared import errors


def sent(ran: RecipeRun, session: str = "ana") -> list[list[str]]:
    """The first words of what one person sent, step by step."""
    return [
        [" ".join(query.sql.split()[:2]).strip('"') for query in step.queries]
        for step in ran.steps
        if step.session == session
    ]


def test_all_or_nothing(cook: Cook) -> None:
    ran = cook("all-or-nothing")
    assert ran.value == {"without": 70, "with atomic": 100}
    assert sent(ran)[2:4] == [
        ['UPDATE "jars', 'SELECT "jars"."id",'],
        ["BEGIN", 'UPDATE "jars', 'SELECT "jars"."id",', "ROLLBACK"],
    ]
    assert [step.error.split(":")[0] for step in ran.steps[2:4]] == ["DoesNotExist"] * 2


def test_durable(cook: Cook) -> None:
    ran = cook("durable")
    assert ran.value["coins"] == 150
    assert "cannot be nested" in ran.value["inside another atomic"]
    assert sent(ran)[1:3] == [["BEGIN", 'UPDATE "jars', "COMMIT"], ["BEGIN", "ROLLBACK"]]


def test_savepoint(cook: Cook, rows: Callable[..., list[Any]]) -> None:
    accounts = rows("SELECT number FROM accounts WHERE status = 'active' ORDER BY number LIMIT 3")
    ran = cook("savepoint")
    assert [row["account"] for row in ran.value] == [number for (number,) in accounts]
    assert [row["limit"] for row in ran.value] == [Decimal(500), None, Decimal(200)]
    assert [bool(row["refused"]) for row in ran.value] == [False, True, False]
    (error,) = errors(ran)
    assert error.startswith("23514")
    assert '"limits_positive"' in error
    words = [query.sql.split('"')[0].strip() for query in ran.work.queries]
    assert words.count("ROLLBACK TO SAVEPOINT") == 1
    assert words.count("SAVEPOINT") == 4  # one for the outer block, which is inside a page's own


def test_error_caught_inside_atomic(cook: Cook) -> None:
    ran = cook("error-caught-inside-atomic")
    assert {what: said.split(":")[0] for what, said in ran.value.items()} == {
        "raw SQL": "InternalError",
        "create": "TransactionManagementError",
        "create in a savepoint": "1 jars",
    }
    assert [error.split()[0] for error in errors(ran)] == ["23505", "25P02", "23505", "23505"]
    assert sent(ran)[2] == ["BEGIN", "INSERT INTO", "ROLLBACK"]  # and no SELECT


def test_on_commit_sends_the_mail(cook: Cook) -> None:
    ran = cook("on-commit-sends-the-mail")
    assert ran.value == {"mails": ["30 coins came in"], "coins": 30}
    assert [step[-1] for step in sent(ran)[1:3]] == ["COMMIT", "ROLLBACK"]


def test_isolation_level(cook: Cook) -> None:
    ran = cook("isolation-level")
    assert ran.value.pop("too late").startswith("25001 ")
    assert ran.value == {"inside": "repeatable read", "after it": "read committed"}


def test_too_slow_within_its_time(cook: Cook) -> None:
    ran = cook("too-slow", seconds=0)
    assert ran.value == {"asked for": "0s", "allowed": "3s"}
    assert not ran.error


def test_statement_timeout(cook: Cook) -> None:
    ran = cook("statement-timeout", milliseconds=20)
    assert "statement timeout" in ran.value["the slow query"]
    assert ran.value["allowed afterwards"] == "3s"
    assert [error.split()[0] for error in errors(ran)] == ["57014"]


def test_the_page_shows_the_decorators_of_helpers() -> None:
    assert BY_SLUG["select-for-update"].parts.startswith("@db_transaction.atomic\ndef add_locked(")
    assert BY_SLUG["durable"].source.startswith("def durable(")
