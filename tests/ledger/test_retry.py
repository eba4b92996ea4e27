"""Lost races are run again whole; everything else is not."""

from collections.abc import Callable

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError, OperationalError
from django.db import transaction as db_transaction

from ledger.db.retry import retry_lost_races, run_with_retry

LOST_RACES = [
    psycopg.errors.SerializationFailure,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.LockNotAvailable,
]


class Work:
    """Fails the first `failures` times, as Django reports a failure of the database."""

    def __init__(self, failures: int, cause: Exception, kind: type[DatabaseError]) -> None:
        self.failures, self.cause, self.kind, self.runs = failures, cause, kind, 0

    def __call__(self) -> str:
        self.runs += 1
        if self.runs <= self.failures:
            raise self.kind from self.cause
        return "done"


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def run(pauses: list[float], transactional_db: None) -> Callable[[Work], str]:
    return lambda work: run_with_retry(work, sleep=pauses.append)


@pytest.mark.parametrize("race", LOST_RACES)
def test_a_lost_race_is_run_again(race: type[psycopg.Error], run: Callable[[Work], str]) -> None:
    work = Work(2, race(), OperationalError)

    assert run(work) == "done"
    assert work.runs == 3


def test_it_gives_up_after_five_tries(run: Callable[[Work], str], pauses: list[float]) -> None:
    work = Work(99, psycopg.errors.DeadlockDetected(), OperationalError)

    with pytest.raises(OperationalError):
        run(work)
    assert work.runs == 5
    assert len(pauses) == 4


def test_pauses_begin_within_ten_milliseconds_and_double(
    run: Callable[[Work], str], pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.uniform", lambda _low, high: high)

    run(Work(4, psycopg.errors.DeadlockDetected(), OperationalError))

    assert pauses == [0.01, 0.02, 0.04, 0.08]


def test_a_broken_rule_is_final(run: Callable[[Work], str]) -> None:
    work = Work(1, psycopg.errors.CheckViolation(), IntegrityError)

    with pytest.raises(IntegrityError):
        run(work)
    assert work.runs == 1


def test_a_dropped_connection_is_not_a_lost_race(run: Callable[[Work], str]) -> None:
    work = Work(1, psycopg.OperationalError("server closed the connection"), OperationalError)

    with pytest.raises(OperationalError):
        run(work)
    assert work.runs == 1


def test_inside_an_atomic_block_the_error_goes_to_who_opened_it(run: Callable[[Work], str]) -> None:
    work = Work(1, psycopg.errors.SerializationFailure(), OperationalError)

    with pytest.raises(OperationalError), db_transaction.atomic():
        run(work)
    assert work.runs == 1


def test_as_a_decorator_it_passes_arguments_and_result_on(transactional_db: None) -> None:
    @retry_lost_races
    def add(left: int, *, right: int) -> int:
        """Adds."""
        return left + right

    assert add(1, right=2) == 3
    assert add.__doc__ == "Adds."
