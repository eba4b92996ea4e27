"""Several people at once: whatever goes wrong, nothing stays in the scratch schemas, no
connection stays open, and nobody meets another run.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connection
from django.db import transaction as db_transaction
from django.db.models import F

from cookbook.models import SCRATCH_MODELS, Jar, JarNote
from cookbook.practice import role
from cookbook.practice.readiness import SCRATCH
from cookbook.recipe import Recipe, RecipeGroup
from cookbook.recipes import BY_SLUG
from cookbook.runner.run import RecipeRun, run
from cookbook.runner.sessions import SLOTS, AllBusy, Session, sessions
from cookbook.runner.time_limit import TooLong
from tests.cookbook.conftest import Clock
from tests.cookbook.shared import LONG, until

pytestmark = [
    pytest.mark.usefixtures("practice_bank", "db", "nothing_stays"),
    pytest.mark.own_connection,
]


def recipe_of(function: Callable[..., Any]) -> Recipe:
    group = RecipeGroup("tests", "Tests", "")
    words = {"asks": "", "shows": (), "notice": "", "pitfall": "", "commits": True}
    group.recipe("A test's own", **words)(function)
    return group.recipes[0]


def left_in_scratch() -> dict[str, int]:
    """How many rows each table of each scratch schema has, of those that have any."""
    found = {}
    with connection.cursor() as cursor:
        for schema in SCRATCH:
            for model in SCRATCH_MODELS:
                cursor.execute(f"SELECT count(*) FROM {schema}.{model._meta.db_table}")
                (found[f"{schema}.{model._meta.db_table}"],) = cursor.fetchone()
    return {table: count for table, count in found.items() if count}


def others() -> set[int]:
    """The other connections to this database, but for those of an administrator."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT pid FROM pg_stat_activity"
            " WHERE datname = current_database() AND backend_type = 'client backend'"
            " AND pid <> pg_backend_pid() AND pg_has_role(current_user, usesysid, 'MEMBER')"
        )
        return {pid for (pid,) in cursor.fetchall()}


@pytest.fixture
def nothing_stays(practice_bank: None, db: None) -> Iterator[None]:
    """What holds after every test here."""
    before = others()
    yield
    assert left_in_scratch() == {}
    assert [thread.name for thread in threading.enumerate() if "cookbook-" in thread.name] == []
    until(lambda: others() <= before)  # a server ends a moment after its connection


def test_a_transaction_left_open_is_rolled_back() -> None:
    def forgets(ana: Session, ben: Session) -> int:
        ana.begin()
        ana.run(lambda: Jar.objects.create(name="rent"))
        return ben.run(Jar.objects.count)

    assert run(recipe_of(forgets), {}).value == 0


def test_an_exception_inside_a_recipe_comes_out_and_leaves_nothing() -> None:
    def breaks(ana: Session) -> None:
        ana.run(lambda: Jar.objects.create(name="rent"))
        assert left_in_scratch() == {"practice_scratch_1.jars": 1}  # really committed
        raise LookupError("half way")

    with pytest.raises(LookupError, match="half way"):
        run(recipe_of(breaks), {})


def test_who_still_waits_is_stopped_rather_than_waited_for() -> None:
    with suppress(LookupError), sessions(["ana", "ben"]) as ((ana, ben), steps):
        ana.run(lambda: Jar.objects.create(name="rent"))
        ana.begin()
        ana.run(Jar.objects.select_for_update().get)
        waiting = ben.start(lambda: Jar.objects.update(coins=F("coins") + 1))
        assert waiting.waits_for == "Ana"
        raise LookupError
    assert steps[-1].error.startswith("57014 ")


def test_a_database_error_is_an_answer_with_its_code() -> None:
    def same_twice(ana: Session) -> None:
        ana.run(lambda: Jar.objects.create(name="rent"))
        ana.run(lambda: Jar.objects.create(name="rent"))

    ran = run(recipe_of(same_twice), {})
    assert ran.error.startswith("23505 ")
    assert [step.error for step in ran.steps] == ["", ran.error]
    assert [step.final_error for step in ran.steps] == ["", ""]  # the query shows it


def nap() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def test_nobody_begins_a_statement_when_the_time_is_over(clock: Clock) -> None:
    def naps() -> None:
        for _ in range(100):
            nap()
            clock.now += 2

    sentence = "all statements together took longer than 6 seconds"
    with sessions(["ana", "ben"]) as ((ana, ben), steps):
        with pytest.raises(TooLong, match=sentence):  # in the midst of a call
            ana.run(naps)
        assert len(steps[0].queries) == 4  # at 0, 2, 4 and 6 seconds
        for begins in (ben.begin, lambda: ben.run(nap), lambda: ben.start(nap)):
            with pytest.raises(TooLong, match=sentence):
                begins()
        assert len(steps) == 1


def test_a_transaction_in_which_the_time_is_over_is_rolled_back(clock: Clock) -> None:
    @db_transaction.atomic
    def naps() -> None:
        Jar.objects.create(name="rent")
        clock.now += 7
        nap()

    with sessions(["ana"]) as ((ana,), steps):
        with pytest.raises(TooLong):
            ana.run(naps)
        assert steps[0].queries[-1].sql == "ROLLBACK"
        assert left_in_scratch() == {}


def test_a_transaction_does_not_begin_when_the_time_is_over(clock: Clock) -> None:
    with sessions(["ana"]) as ((ana,), steps):

        def late() -> None:
            clock.now += 7
            with db_transaction.atomic():
                Jar.objects.create(name="rent")

        with pytest.raises(TooLong):
            ana.run(late)
        assert steps[0].queries == []


def test_commit_of_a_failed_transaction_says_that_it_was_none() -> None:
    def goes_on(ana: Session) -> None:
        ana.begin()
        ana.start(broken).refusal()
        ana.commit()

    def broken() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")

    ran = run(recipe_of(goes_on), {})
    assert ran.steps[1].error == "22012 division by zero"
    assert [query.sql for query in ran.steps[2].queries] == ["COMMIT"]
    assert ran.steps[2].outcome.startswith("Rolled back")


def test_after_a_crash_the_next_run_finds_the_schema_empty() -> None:
    with suppress(DatabaseError), sessions(["ana"]) as ((ana,), _steps):
        ana.run(lambda: Jar.objects.create(name="rent"))
        ana.run(lambda: JarNote.objects.create(jar_id=1, text="due"))
        ours = [pid for pid in others() if pid >= 0]
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s) AS pid", [ours])
    until(lambda: not others())
    assert left_in_scratch() == {"practice_scratch_1.jars": 1, "practice_scratch_1.jar_notes": 1}

    with sessions(["ana"]) as ((ana,), _steps):
        assert ana.run(Jar.objects.count) == 0
        assert ana.run(lambda: Jar.objects.create(name="rent").pk) == 1  # numbers begin anew too


def test_a_session_that_cannot_open_leaves_no_connection(settings: Any) -> None:
    settings.LEDGER_COOKBOOK_ROLE = "nobody_by_this_name"
    with pytest.raises(DatabaseError, match="nobody_by_this_name"), sessions(["ana"]):
        pass


def test_people_of_one_run_are_on_connections_of_their_own_with_the_cookbooks_role() -> None:
    def who() -> tuple[Any, ...]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid(), current_user::text, current_schema::text")
            found: tuple[Any, ...] = cursor.fetchone()
            return found

    with sessions(["ana", "ben"]) as ((ana, ben), _steps):
        hers, his = ana.run(who), ben.run(who)
        assert len({hers[0], his[0], who()[0]}) == 3
        assert hers[1:] == his[1:] == ("ledger_cookbook", "practice_scratch_1")
        with pytest.raises(DatabaseError, match="permission denied"):
            ana.run(lambda: read("public.accounts"))


def read(table: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")


def gated(gate: threading.Event, here: threading.Semaphore) -> Recipe:
    """Commits a row, says that it is there, and waits for the gate."""

    def waits_at_a_gate(ana: Session) -> int:
        ana.run(lambda: Jar.objects.create(name="rent"))
        here.release()
        assert gate.wait(LONG)
        return ana.run(Jar.objects.count)

    return recipe_of(waits_at_a_gate)


def in_a_thread(pool: ThreadPoolExecutor, recipe: Recipe) -> "Future[RecipeRun]":
    def work() -> RecipeRun:
        try:
            return run(recipe, {})
        finally:
            connection.close()

    return pool.submit(work)


@pytest.fixture
def four_at_work() -> Iterator[
    tuple[threading.Event, ThreadPoolExecutor, list["Future[RecipeRun]"]]
]:
    """Four runs that have all the scratch schemas, until the gate is opened."""
    gate, here = threading.Event(), threading.Semaphore(0)
    with ThreadPoolExecutor(len(SCRATCH) + 1) as pool, ExitStack() as stack:
        stack.callback(gate.set)
        runs = [in_a_thread(pool, gated(gate, here)) for _ in SCRATCH]
        for _ in SCRATCH:
            assert here.acquire(timeout=LONG)
        yield gate, pool, runs


@pytest.mark.own_session
def test_the_fifth_at_once_is_told_that_all_are_busy(
    four_at_work: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, _pool, runs = four_at_work
    assert left_in_scratch() == {f"{schema}.jars": 1 for schema in SCRATCH}
    monkeypatch.setattr(role, "LOCK_SECONDS", 0.1)
    with pytest.raises(AllBusy, match="Try again"):
        run(BY_SLUG["lost-update"], {})
    gate.set()
    assert [each.result(LONG).value for each in runs] == [1, 1, 1, 1]


@pytest.mark.own_session
def test_the_fifth_comes_in_once_another_leaves(four_at_work: Any) -> None:
    gate, pool, runs = four_at_work
    fifth = in_a_thread(pool, BY_SLUG["lost-update"])
    until(somebody_waits_for_a_schema)
    gate.set()
    assert fifth.result(LONG).value == {"naive": 150, "safe": 120}
    assert [each.result(LONG).value for each in runs] == [1, 1, 1, 1]


def somebody_waits_for_a_schema() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            " AND (classid::bigint << 32) + objid::bigint BETWEEN %s AND %s",
            [SLOTS, SLOTS + len(SCRATCH) - 1],
        )
        return bool(cursor.fetchone()[0])


def test_a_lost_connection_is_an_answer_too() -> None:
    def loses(ana: Session) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [ana.pid])
        with pytest.raises(OperationalError):
            ana.run(Jar.objects.count)
        ana.run(Jar.objects.count)

    assert run(recipe_of(loses), {}).error
