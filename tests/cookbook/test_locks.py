"""Recipes of two people at once: who waited for whom, what was refused, what is left."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.test import Client

from cookbook.practice import role
from cookbook.recipes import BY_SLUG
from cookbook.runner.run import RecipeRun, run
from ledger.embedded import roles
from tests.cookbook.conftest import Cook
from tests.cookbook.shared import errors
from tests.factories import UserFactory
from tests.pages import text_of
from tests.pooler import server


def sql_of(ran: RecipeRun, session: str) -> list[str]:
    return [query.sql for step in ran.steps if step.session == session for query in step.queries]


def waits(ran: RecipeRun) -> list[tuple[str, list[str]]]:
    """Who had to wait, and for whom."""
    return [(step.session, step.waited_for) for step in ran.steps if step.waited_for]


def test_lost_update(cook: Cook) -> None:
    ran = cook("lost-update")
    assert ran.value == {"naive": 150, "safe": 120}
    assert {step.session for step in ran.steps} == {"ana", "ben"}
    assert waits(ran) == []
    assert errors(ran) == []
    assert '"coins" = 150' in sql_of(ran, "ben")[1]
    assert '("jars"."coins" + 50)' in sql_of(ran, "ben")[2]


def test_optimistic_lock(cook: Cook) -> None:
    ran = cook("optimistic-lock")
    assert ran.value == {"Ana saved": True, "Ben saved": False, "the note": "due on the third"}
    assert waits(ran) == []
    his = sql_of(ran, "ben")[-1]
    assert his.startswith('UPDATE "jar_notes"')
    assert '"jar_notes"."version" = 1)' in his


def test_select_for_update(cook: Cook) -> None:
    ran = cook("select-for-update")
    assert ran.value == {"rent": 100 - 30 + 50}
    assert waits(ran) == [("ben", ["Ana"])]
    begin, select, update, commit = sql_of(ran, "ben")
    assert (begin, commit) == ("BEGIN", "COMMIT")
    assert select.endswith("FOR UPDATE")
    assert '"coins" = 120' in update


def test_the_page_says_who_waits_for_whom_and_what_was_refused(cook: Cook, client: Client) -> None:
    client.force_login(UserFactory())
    page = text_of(client.get(BY_SLUG["retry"].url))
    assert "ms, waiting for Ana" in page
    assert page.count("40001 could not serialize access") == 1
    assert "BEGIN" in page
    assert "COMMIT" in page


def test_retry(cook: Cook) -> None:
    ran = cook("retry")
    assert ran.value == {"rent": 100 - 30 + 50}
    assert waits(ran) == [("ben", ["Ana"])]
    assert [error.split()[0] for error in errors(ran)] == ["40001"]
    his = sql_of(ran, "ben")
    assert his.count("BEGIN") == 2
    assert [word for word in his if word in ("ROLLBACK", "COMMIT")] == ["ROLLBACK", "COMMIT"]
    assert [sql.partition('"coins" = ')[2][:3] for sql in his if sql.startswith("UPDATE")] == [
        "150",
        "120",
    ]


@pytest.mark.parametrize(
    ("isolation", "total"),
    [("READ COMMITTED", 140), ("REPEATABLE READ", 100), ("SERIALIZABLE", 100)],
)
def test_torn_report(cook: Cook, isolation: str, total: int) -> None:
    ran = cook("torn-report", isolation=isolation)
    assert ran.value == {"rent": 100, "food": total - 100, "total": total}
    assert f"SET TRANSACTION ISOLATION LEVEL {isolation}" in sql_of(ran, "ana")


def test_write_skew_at_repeatable_read_breaks_the_rule(cook: Cook) -> None:
    ran = cook("write-skew", isolation="REPEATABLE READ")
    assert ran.value == {"rent": -50, "food": -50}
    assert errors(ran) == []


def test_write_skew_is_refused_by_serializable(cook: Cook) -> None:
    ran = cook("write-skew")
    assert ran.value == {"rent": -50, "food": 100}
    assert [error.split()[0] for error in errors(ran)] == ["40001"]


def test_deadlock(cook: Cook) -> None:
    ran = cook("deadlock")
    check_deadlock(ran)


def test_deadlock_with_the_other_victim(cook: Cook, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whoever looks first is the victim: here Ben would look after a minute, which only a
    # superuser may say, and Ana looks after a second.
    if not connection.settings_dict.get("LEDGER_EMBEDDED"):
        pytest.skip("needs to connect as the superuser of the embedded server")

    def late(*arguments: Any, **options: Any) -> None:
        if names.pop() == "ben":
            wrapper = connections[DEFAULT_DB_ALIAS]
            wrapper.settings_dict = {**server(), "USER": roles.SUPERUSER}
            with connection.cursor() as cursor:
                cursor.execute("SET deadlock_timeout = '1min'")
        role.switch_role(*arguments, **options)

    names = ["ben", "ana", "keeper"]
    monkeypatch.setattr("cookbook.runner.sessions.switch_role", late)
    ran = cook("deadlock")
    assert ran.value["victim"] == "Ana"
    check_deadlock(ran)


def check_deadlock(ran: RecipeRun) -> None:
    # One victim as a rule; a retry that comes too soon may meet the other once more.
    assert ran.value.pop("victim").lower() in victims(ran)
    assert ran.value == {"rent": 100 - 10 + 20, "food": 100 + 10 - 20}
    assert waits(ran)[:2] == [("ben", ["Ana"]), ("ana", ["Ben"])]


def victims(ran: RecipeRun) -> list[str]:
    return [
        step.session
        for step in ran.steps
        for query in step.queries
        if query.error == "40P01 deadlock detected"
    ]


def test_locks_in_one_order(cook: Cook) -> None:
    ran = cook("locks-in-one-order")
    assert ran.value == {"rent": 100 - 10 + 20, "food": 100 + 10 - 20}
    assert errors(ran) == []
    assert waits(ran) == [("ben", ["Ana"])]
    for session in ("ana", "ben"):
        assert any('ORDER BY "jars"."id" ASC FOR UPDATE' in sql for sql in sql_of(ran, session))


def test_nowait(cook: Cook) -> None:
    ran = cook("nowait")
    assert '"jars"' in ran.value["nowait"]
    assert "lock timeout" in ran.value["lock_timeout"]
    assert ran.value["later"] == "rent"
    assert [error.split()[0] for error in errors(ran)] == ["55P03", "55P03"]


def test_skip_locked(cook: Cook) -> None:
    ran = cook("skip-locked")
    assert ran.value == {
        "who took what": {
            "Ana, who crashed": "send statements",
            "Ben": "pay interest",
            "Ben then": "send statements",
        },
        "jobs": [
            {"what": "send statements", "done_by": "ben"},
            {"what": "pay interest", "done_by": "ben"},
            {"what": "close the month", "done_by": ""},
        ],
    }
    assert waits(ran) == []
    assert errors(ran) == []
    assert sql_of(ran, "ben")[1].endswith("LIMIT 1 FOR UPDATE SKIP LOCKED")


def test_no_key(cook: Cook) -> None:
    ran = cook("no-key")
    assert ran.value == {"FOR UPDATE": "Ana", "FOR NO KEY UPDATE": "nobody"}
    assert waits(ran) == [("ben", ["Ana"])]


def test_lock_one_table(cook: Cook) -> None:
    ran = cook("lock-one-table")
    assert ran.value == {"all tables": "Ana", "of=('self',)": "nobody"}
    assert waits(ran) == [("ben", ["Ana"])]
    assert [sql.partition(" FOR ")[2] for sql in sql_of(ran, "ana") if "SELECT" in sql] == [
        "UPDATE",
        'UPDATE OF "jar_notes"',
    ]


def test_advisory_lock(cook: Cook) -> None:
    ran = cook("advisory-lock")
    assert ran.value == {"Ana": True, "Ben in parallel": False, "Ben afterwards": True}
    assert waits(ran) == []


@pytest.mark.usefixtures("practice_bank", "db")
def test_two_runs_at_once_do_not_meet() -> None:
    """Every recipe with sessions, in two threads: locks, rows and numbers are each run's own."""

    def all_of_them() -> dict[str, Any]:
        try:
            every = {slug: run(recipe, {}) for slug, recipe in BY_SLUG.items() if recipe.commits}
        finally:
            connection.close()
        assert [ran.error or ran.stopped for ran in every.values()] == [""] * len(every)
        every["deadlock"].value.pop("victim")
        every["listen-and-notify"].value.pop("notices")  # of both runs, for all who listen
        return {slug: ran.value for slug, ran in every.items()}

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.submit(all_of_them), pool.submit(all_of_them)
        assert one.result() == other.result()
    assert one.result()["advisory-lock"] == {
        "Ana": True,
        "Ben in parallel": False,
        "Ben afterwards": True,
    }
