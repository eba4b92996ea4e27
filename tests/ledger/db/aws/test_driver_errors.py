"""What an error of AWS's driver means for the caller: done again, looked up, or told."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from aws_advanced_python_wrapper import errors
from django.db import Error, InterfaceError, NotSupportedError, OperationalError
from pytest_django import DjangoDbBlocker

from ledger.db.aws.base import DatabaseWrapper
from ledger.db.aws.errors import Moment, as_psycopg
from ledger.db.outages.reasons import for_people
from ledger.db.retry import Failure, failure_of
from ledger.db.server.failed_servers import note_connecting

FAILOVERS = [
    errors.FailoverSuccessError,
    errors.FailoverFailedError,
    errors.TransactionResolutionUnknownError,
]


class FailingConnection:
    """A connection of the driver's that fails at what it is told to."""

    def __init__(self, **failing: Exception) -> None:
        self.failing, self.is_closed, self.autocommit = failing, False, True
        self.target_connection = self

    def commit(self) -> None:
        raise self.failing["commit"]

    def rollback(self) -> None:
        pass

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def database(django_db_blocker: DjangoDbBlocker) -> Iterator[Callable[..., DatabaseWrapper]]:
    def database(**failing: Exception) -> DatabaseWrapper:
        settings: dict[str, Any] = {
            "NAME": "ledger", "TIME_ZONE": None, "AUTOCOMMIT": True, "CONN_MAX_AGE": 0,
            "OPTIONS": {},
        }  # fmt: skip
        found = DatabaseWrapper(settings, "default")
        found.connection = FailingConnection(**failing)
        return found

    with django_db_blocker.unblock():
        yield database


def failing(database: DatabaseWrapper, error: Exception) -> Error:
    """The error of Django's that a statement ends with."""
    with pytest.raises(Error) as found, database.wrap_database_errors:
        raise error
    return found.value


@pytest.mark.parametrize("kind", FAILOVERS)
def test_a_failover_within_a_transaction_has_rolled_it_back(
    kind: type[Exception], database: Callable[..., DatabaseWrapper]
) -> None:
    found = database()
    found.in_atomic_block = True

    assert failure_of(failing(found, kind("changed"))) is Failure.NOT_STARTED
    assert found.needs_rollback
    assert found.connection.is_closed


@pytest.mark.parametrize("kind", FAILOVERS)
def test_a_failover_under_a_statement_that_commits_by_itself_leaves_it_unknown(
    kind: type[Exception], database: Callable[..., DatabaseWrapper]
) -> None:
    found = database()

    assert failure_of(failing(found, kind("changed"))) is Failure.UNKNOWN
    assert found.connection is None


@pytest.mark.parametrize("kind", FAILOVERS)
def test_a_failover_under_commit_leaves_it_unknown(
    kind: type[Exception], database: Callable[..., DatabaseWrapper]
) -> None:
    found = database(commit=kind("changed"))

    with pytest.raises(OperationalError) as lost:
        found.commit()
    assert failure_of(lost.value) is Failure.UNKNOWN


def test_a_failover_while_connecting_has_done_nothing(
    database: Callable[..., DatabaseWrapper],
) -> None:
    found = database()
    found.connection = None

    error = failing(found, errors.FailoverFailedError("nobody answers"))
    assert failure_of(error) is Failure.NOT_STARTED
    assert "nobody answers" in str(error)


def test_what_postgres_said_is_unpacked(database: Callable[..., DatabaseWrapper]) -> None:
    packed = psycopg.errors.SerializationFailure("lost")

    error = failing(database(), errors.AwsWrapperError("FailoverPlugin", packed))
    assert error.__cause__ is packed
    assert failure_of(error) is Failure.LOST_RACE


def test_a_cut_connection_without_failover_leaves_the_outcome_unknown(
    database: Callable[..., DatabaseWrapper],
) -> None:
    cut = psycopg.OperationalError("consuming input failed")

    assert failure_of(failing(database(), errors.AwsWrapperError("x", cut))) is Failure.UNKNOWN


@pytest.mark.parametrize(
    ("in_transaction", "failure"), [(False, Failure.UNKNOWN), (True, Failure.NOT_STARTED)]
)
def test_a_server_that_the_driver_tried_next_in_vain_does_not_tell_of_the_statement(
    database: Callable[..., DatabaseWrapper], *, in_transaction: bool, failure: Failure
) -> None:
    found = database()
    found.in_atomic_block = in_transaction
    packed = psycopg.errors.ConnectionTimeout("connection timeout expired")

    error = failing(found, errors.AwsWrapperError("FailoverPlugin", packed))
    assert failure_of(error) is failure
    assert error.__cause__ is not packed


def test_other_errors_of_the_driver_are_told(database: Callable[..., DatabaseWrapper]) -> None:
    told = failing(database(), errors.UnsupportedOperationError("no such thing"))
    assert isinstance(told, NotSupportedError)
    found = as_psycopg(errors.ReadWriteSplittingError("no reader"), Moment.COMMITTING)
    assert isinstance(found, psycopg.OperationalError)
    assert not isinstance(told, InterfaceError)


def test_the_driver_knows_the_driver_below_it(django_db_blocker: DjangoDbBlocker) -> None:
    """A plugin that does not know it refuses every connection."""
    found = DatabaseWrapper(
        {
            "ENGINE": "ledger.db.aws", "NAME": "ledger", "USER": "nobody", "PASSWORD": "",
            "HOST": "127.0.0.1", "PORT": "1", "TIME_ZONE": None, "AUTOCOMMIT": True,
            "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": False, "LEDGER_TIMEOUTS": {}, "OPTIONS": {},
            "LEDGER_DRIVER": {"plugins": "host_monitoring_v2", "wrapper_dialect": "pg"},
        },
        alias="default",
    )  # fmt: skip
    with django_db_blocker.unblock(), pytest.raises(OperationalError, match="refused"):
        found.ensure_connection()


@pytest.mark.parametrize("kind", [errors.FailoverFailedError, errors.AwsWrapperError])
def test_a_command_is_told_the_reason_and_not_the_drivers_words(
    kind: type[errors.AwsWrapperError],
) -> None:
    lost = as_psycopg(kind("[Failover] topology of cluster-1 unavailable"), Moment.CONNECTING)
    note_connecting(lost, {"host": "db.example", "port": 5432})
    assert for_people(lost) == "db.example:5432 unreachable"


def test_a_command_is_told_what_libpq_said_where_the_driver_has_packed_it() -> None:
    packed = errors.AwsWrapperError("[Connect] failed", psycopg.OperationalError("role gone\nmore"))
    lost = as_psycopg(packed, Moment.CONNECTING)
    note_connecting(lost, {"host": "db.example", "port": 5432})
    assert for_people(lost) == "role gone"
