"""What left no trace runs again whole, what is unknown finds out first, the rest is final."""

import ast
from collections.abc import Callable, Iterable
from itertools import chain, count, repeat
from typing import Any

import psycopg
import pytest
from django.db import (
    DatabaseError,
    IntegrityError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connection,
)
from django.db import transaction as db_transaction
from psycopg_pool import PoolTimeout

from ledger.db.retry import (
    Failure,
    NotConfirmed,
    OutcomeUnknown,
    failure_of,
    run_with_retry,
    with_retry,
)
from ledger.db.server.embedded import EmbeddedServerError
from ledger.env import BASE_DIR
from tests.metrics import growth

LOST_RACES = [
    psycopg.errors.SerializationFailure,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.LockNotAvailable,
]


class CountedWork:
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
def run(pauses: list[float], transactional_db: None) -> Callable[[CountedWork], str]:
    return lambda work: run_with_retry(work, sleep=pauses.append)


@pytest.mark.parametrize("race", LOST_RACES[:2])
def test_a_lost_race_is_run_again(
    race: type[psycopg.Error], run: Callable[[CountedWork], str]
) -> None:
    work = CountedWork(2, race(), OperationalError)

    assert run(work) == "done"
    assert work.runs == 3


def test_it_gives_up_after_five_tries(
    run: Callable[[CountedWork], str], pauses: list[float]
) -> None:
    work = CountedWork(99, psycopg.errors.DeadlockDetected(), OperationalError)

    with pytest.raises(OperationalError):
        run(work)
    assert work.runs == 5
    assert len(pauses) == 4


def test_pauses_begin_within_ten_milliseconds_and_double(
    run: Callable[[CountedWork], str], pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.uniform", lambda _low, high: high)

    run(CountedWork(4, psycopg.errors.DeadlockDetected(), OperationalError))

    assert pauses == [0.01, 0.02, 0.04, 0.08]


def test_a_broken_rule_is_final(run: Callable[[CountedWork], str]) -> None:
    work = CountedWork(1, psycopg.errors.CheckViolation(), IntegrityError)

    with pytest.raises(IntegrityError):
        run(work)
    assert work.runs == 1


UNWELL = [
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.TransactionTimeout,
    psycopg.errors.TooManyConnections,
    psycopg.errors.CannotConnectNow,
    psycopg.errors.SqlclientUnableToEstablishSqlconnection,
    psycopg.errors.SqlserverRejectedEstablishmentOfSqlconnection,
    psycopg.errors.ReadOnlySqlTransaction,  # after a failover
    PoolTimeout,  # of Django's pool, which had no connection left
    psycopg.errors.ConnectionTimeout,  # no host answered, as one that hangs
]


@pytest.mark.parametrize("failure", UNWELL)
def test_a_server_that_could_not_be_had_is_tried_again_a_little_later(
    failure: type[psycopg.Error],
    run: Callable[[CountedWork], str],
    pauses: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("random.uniform", lambda _low, high: high)
    work = CountedWork(2, failure(), DatabaseError)

    assert run(work) == "done"
    assert pauses == [0.1, 0.2]


def nobody_there() -> psycopg.OperationalError:
    """The error of a connection that nobody takes."""
    database: Any = connection
    with pytest.raises(psycopg.OperationalError) as refused:
        database.open(host="/nowhere")
    return refused.value


def test_a_refused_connection_is_tried_again(run: Callable[[CountedWork], str]) -> None:
    work = CountedWork(1, nobody_there(), OperationalError)

    assert run(work) == "done"


CUT_OFF = [
    psycopg.OperationalError("server closed the connection unexpectedly"),
    psycopg.InterfaceError("the connection is closed"),
    psycopg.errors.AdminShutdown(),
    psycopg.errors.CrashShutdown(),
    psycopg.errors.ConnectionFailure(),
    psycopg.errors.ConnectionException(),
    psycopg.errors.ConnectionDoesNotExist(),
    psycopg.errors.TransactionResolutionUnknown(),
    psycopg.errors.ProtocolViolation(),  # of pgbouncer, when its server went
    psycopg.InternalError("received 2 results from command 'COMMIT'"),  # the server's word as well
    psycopg.errors.StatementCompletionUnknown(),
    psycopg.errors.IdleSessionTimeout(),
]


@pytest.mark.parametrize("cause", CUT_OFF, ids=lambda cause: type(cause).__name__)
def test_what_was_cut_off_is_not_run_again_blindly(
    cause: psycopg.Error, run: Callable[[CountedWork], str]
) -> None:
    kind = InternalError if isinstance(cause, psycopg.InternalError) else OperationalError
    work = CountedWork(1, cause, kind)

    with pytest.raises(kind):
        run(work)
    assert work.runs == 1


@pytest.mark.parametrize("cause", CUT_OFF, ids=lambda cause: type(cause).__name__)
def test_what_was_cut_off_runs_again_once_it_can_find_out(
    cause: psycopg.Error, transactional_db: None
) -> None:
    kind = InternalError if isinstance(cause, psycopg.InternalError) else OperationalError
    work, told = CountedWork(1, cause, kind), []

    def find_out() -> None:
        told.append(work.runs)

    assert run_with_retry(work, find_out_first=find_out, sleep=lambda _: None) == "done"
    assert told == [1]


def test_what_stays_unknown_says_so(pauses: list[float], transactional_db: None) -> None:
    """Cut off first, then nobody answers: the later failures did nothing, the first may have."""
    causes = chain([CUT_OFF[0]], repeat(nobody_there()))

    def work() -> None:
        raise OperationalError from next(causes)

    with pytest.raises(OutcomeUnknown):
        run_with_retry(work, find_out_first=lambda: None, sleep=pauses.append)
    assert 3 <= sum(pauses) < 3.5


def test_what_stays_unconfirmed_says_that(transactional_db: None) -> None:
    def work() -> None:
        raise NotConfirmed

    with pytest.raises(NotConfirmed):
        run_with_retry(work, find_out_first=lambda: None, sleep=lambda _: None)


@pytest.mark.parametrize("took", [5, 35])
def test_what_became_unknown_after_a_long_try_is_looked_up_at_once(
    took: int, transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a server that hung: the time before the failure is not that of the search."""
    clock, told = [0.0], list[int]()
    monkeypatch.setattr("time.monotonic", lambda: clock[0])

    def work() -> str:
        if told:
            return "found"
        clock[0] += took
        raise OperationalError from CUT_OFF[0]

    found = run_with_retry(work, find_out_first=lambda: told.append(1), sleep=lambda _: None)
    assert found == "found"
    assert told == [1]


def test_a_search_ends_after_three_seconds_also_where_it_waits_for_locks(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A COMMIT that waits for its standby keeps its locks."""
    clock, runs = [0.0], []
    monkeypatch.setattr("time.monotonic", lambda: clock[0])

    def work() -> None:
        runs.append(1)
        clock[0] += 35 if len(runs) == 1 else 2
        raise OperationalError from (LOST_RACES[2]() if len(runs) > 1 else CUT_OFF[0])

    with pytest.raises(OutcomeUnknown):
        run_with_retry(work, find_out_first=lambda: None, sleep=lambda _: None)
    assert len(runs) == 3


def test_a_search_is_not_ended_earlier_by_lost_races(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then a lost statement may still come through."""
    clock, causes = [0.0], chain([CUT_OFF[0]], repeat(LOST_RACES[1]()))
    monkeypatch.setattr("time.monotonic", lambda: clock[0])

    def work() -> None:
        raise OperationalError from next(causes)

    def pause(seconds: float) -> None:
        clock[0] += seconds

    with pytest.raises(OutcomeUnknown):
        run_with_retry(work, find_out_first=lambda: None, sleep=pause)
    assert 3 <= clock[0] < 3.5


def test_a_lock_is_waited_for_once(run: Callable[[CountedWork], str]) -> None:
    """Each wait takes a thread of the server."""
    work = CountedWork(1, psycopg.errors.LockNotAvailable(), OperationalError)

    with pytest.raises(OperationalError):
        run(work)
    assert work.runs == 1


def test_a_lost_server_is_waited_for_three_seconds(
    run: Callable[[CountedWork], str], pauses: list[float]
) -> None:
    with pytest.raises(OperationalError):
        run(CountedWork(999, psycopg.errors.CannotConnectNow(), OperationalError))
    assert 3 <= sum(pauses) < 3.5
    assert max(pauses) <= 0.5


def test_tries_that_take_long_themselves_end_as_soon(
    run: Callable[[CountedWork], str], pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = count(step=2)  # two seconds for each look at it
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    with pytest.raises(OperationalError):
        run(CountedWork(999, psycopg.errors.CannotConnectNow(), OperationalError))
    assert len(pauses) <= 2


@pytest.mark.parametrize("host", ["/nowhere", "bank.example"], ids=["no socket", "no such name"])
def test_nobody_there_on_the_way_out_of_a_cut_off_block_is_unknown(
    host: str, transactional_db: None, no_names: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Django connects anew when it leaves an atomic block, and its failure hides the first."""
    connect, runs = connection.get_new_connection, []

    def connect_to_nobody(parameters: dict[str, Any]) -> Any:
        return connect({**parameters, "host": host})

    def work() -> None:
        runs.append(1)
        with db_transaction.atomic(), connection.cursor() as cursor:
            patch.setattr(connection, "get_new_connection", connect_to_nobody)
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with monkeypatch.context() as patch, pytest.raises(OperationalError) as failed:
        run_with_retry(work, sleep=lambda _: None)
    assert failure_of(failed.value) is Failure.UNKNOWN
    assert len(runs) == 1


def test_a_session_that_cannot_be_set_up_on_the_way_out_of_a_cut_off_block_is_unknown(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise ProgrammingError from psycopg.errors.UndefinedObject("no such role")

    def work() -> None:
        with db_transaction.atomic(), connection.cursor() as cursor:
            patch.setattr(connection, "init_connection_state", refuse)
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with monkeypatch.context() as patch, pytest.raises(ProgrammingError) as failed:
        work()
    connection.close()
    assert failure_of(failed.value) is Failure.UNKNOWN


def after_a_lost_commit(error: Exception) -> Exception:
    """The error as it is raised while a lost COMMIT is handled."""
    error.__context__ = OperationalError()
    error.__context__.__cause__ = CUT_OFF[0]
    return error


def test_an_embedded_server_that_does_not_start_again_leaves_a_lost_commit_unknown() -> None:
    """Its error has no SQLSTATE and no error of psycopg."""
    error = OperationalError()
    error.__cause__ = EmbeddedServerError("No space left on the disk.")
    assert failure_of(error) is Failure.FINAL
    assert failure_of(after_a_lost_commit(error)) is Failure.UNKNOWN


def test_a_broken_rule_is_final_also_where_a_lost_commit_is_handled() -> None:
    """As where a caller sends the same id again, and a rule of the database refuses it."""
    error = IntegrityError()
    error.__cause__ = psycopg.errors.CheckViolation()
    assert failure_of(after_a_lost_commit(error)) is Failure.FINAL


LATER = [
    (psycopg.errors.QueryCanceled(), OperationalError),
    (psycopg.errors.DiskFull(), OperationalError),
    (psycopg.errors.UndefinedTable(), ProgrammingError),
]


@pytest.mark.parametrize(("cause", "kind"), LATER, ids=lambda value: type(value).__name__)
def test_what_is_unknown_is_not_made_known_by_another_failure(
    cause: psycopg.Error, kind: type[DatabaseError], transactional_db: None
) -> None:
    failures = [(OperationalError, CUT_OFF[0]), (kind, cause)]

    def work() -> None:
        failure, why = failures.pop(0)
        raise failure from why

    with pytest.raises(OutcomeUnknown) as unknown:
        run_with_retry(work, find_out_first=lambda: None, sleep=lambda _: None)
    assert failure_of(unknown.value) is Failure.UNKNOWN


def test_a_refusal_after_an_unknown_outcome_shows_that_nothing_was_done(
    transactional_db: None,
) -> None:
    failures = [(OperationalError, CUT_OFF[0]), (IntegrityError, psycopg.errors.CheckViolation())]

    def work() -> None:
        failure, why = failures.pop(0)
        raise failure from why

    with pytest.raises(IntegrityError):
        run_with_retry(work, find_out_first=lambda: None, sleep=lambda _: None)


def test_the_dead_connection_is_left_before_the_next_try(transactional_db: None) -> None:
    connection.ensure_connection()
    before = connection.connection

    def work() -> object:
        if connection.connection is before:
            raise OperationalError from CUT_OFF[0]
        return connection.connection

    assert run_with_retry(work, find_out_first=lambda: None, sleep=lambda _: None) is None


@pytest.mark.parametrize(
    ("cause", "failure"),
    [
        (psycopg.errors.QueryCanceled(), Failure.TIMED_OUT),
        (psycopg.errors.UniqueViolation(), Failure.FINAL),
        (psycopg.errors.NumericValueOutOfRange(), Failure.FINAL),
        (psycopg.errors.UndefinedTable(), Failure.FINAL),
        (psycopg.errors.DiskFull(), Failure.FINAL),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_would_fail_again_is_final(
    cause: psycopg.Error, failure: Failure, run: Callable[[CountedWork], str]
) -> None:
    work = CountedWork(1, cause, OperationalError)

    with pytest.raises(OperationalError) as failed:
        run(work)
    assert work.runs == 1
    assert failure_of(failed.value) is failure


def test_inside_an_atomic_block_the_error_goes_to_who_opened_it(
    run: Callable[[CountedWork], str],
) -> None:
    work = CountedWork(1, psycopg.errors.SerializationFailure(), OperationalError)
    with growth() as grown, pytest.raises(OperationalError), db_transaction.atomic():
        run(work)
    assert work.runs == 1
    assert not grown["ledger_db_given_up_total"], "that code counts it"


@pytest.mark.whole_code
def test_each_service_that_commits_for_itself_is_retried() -> None:
    """It has the decorator, calls what retries, or is a context that only such services use."""
    wrong, seen = list[str](), 0
    for file in BASE_DIR.glob("[a-z]*/**/*services.py"):
        functions = [
            it for it in ast.parse(file.read_text()).body if isinstance(it, ast.FunctionDef)
        ]
        contexts = {it.name for it in functions if "contextmanager" in words_of(it.decorator_list)}
        for it in functions:
            if it.name not in contexts and words_of(it.body) & {"durable", *contexts}:
                seen += 1
                if not words_of([it]) & {"with_retry", "run_with_retry"}:
                    wrong.append(f"{file}: {it.name}")
    assert wrong == []
    assert seen > 40


def words_of(code: Iterable[ast.AST]) -> set[str]:
    """The names in some code."""
    names = set[str]()
    for node in chain.from_iterable(map(ast.walk, code)):
        names |= {str(getattr(node, field, "")) for field in ("id", "attr", "arg")}
    return names


def test_as_a_decorator_it_passes_arguments_and_result_on(transactional_db: None) -> None:
    @with_retry
    def add(left: int, *, right: int) -> int:
        """Adds."""
        return left + right

    assert add(1, right=2) == 3
    assert add.__doc__ == "Adds."
