"""A server of a cluster that hangs, reached by AWS's driver: nobody waits for ever, and what was
lost is of unknown outcome.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psycopg
import pytest
from django.db import OperationalError
from pytest_django import DjangoDbBlocker

from ledger.db.aws.base import DatabaseWrapper
from ledger.db.retry import Failure, failure_of
from tests.ledger.db.aws.cluster import USUAL, Cluster, all_hanging, cluster
from tests.ledger.hanging import standing_still
from tests.ledger.servers import value

# The driver leaves some connections of its own to be closed by the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
LIMIT = 0.3  # seconds
FAILOVER = 3  # seconds that the driver may look for a writer
LONGEST = 12.0  # with what a busy machine needs for itself


@pytest.fixture(scope="module")
def aurora() -> Iterator[Cluster]:
    with cluster() as found:
        with psycopg.connect(**found.parameters, autocommit=True) as connection:
            connection.execute("CREATE TABLE notes (id int PRIMARY KEY)")
        yield found


@pytest.fixture
def database(aurora: Cluster, django_db_blocker: DjangoDbBlocker) -> Iterator[DatabaseWrapper]:
    found = aurora.wrapper(USUAL)
    found.settings_dict["LEDGER_DRIVER"]["failover_timeout_sec"] = FAILOVER
    found.settings_dict["LEDGER_TIMEOUTS"]["statement_timeout"] = 20
    with django_db_blocker.unblock():
        value(found, "SELECT 1")
        yield found
        found.close()


@contextmanager
def given_up() -> Iterator[pytest.ExceptionInfo[OperationalError]]:
    """Within the limit and the time of a failover, however long the server hangs."""
    began = time.monotonic()
    with pytest.raises(OperationalError) as lost:
        yield lost
    assert time.monotonic() - began < LONGEST


@contextmanager
def hanging(database: DatabaseWrapper) -> Iterator[None]:
    """The session stands still, and the rest of its server does not."""
    with standing_still([database.raw.info.backend_pid]):
        yield


def test_a_statement_is_given_up_and_of_unknown_outcome(database: DatabaseWrapper) -> None:
    database.raw.silence_limit = LIMIT
    with hanging(database), given_up() as lost:
        value(database, "INSERT INTO notes VALUES (1) RETURNING id")

    assert failure_of(lost.value) is Failure.UNKNOWN
    database.close_if_unusable_or_obsolete()
    assert value(database, "SELECT 1") == 1, "by a new connection"


def test_a_commit_is_given_up_and_of_unknown_outcome(database: DatabaseWrapper) -> None:
    database.set_autocommit(False)
    value(database, "INSERT INTO notes VALUES (2) RETURNING id")
    database.raw._usual = LIMIT
    with hanging(database), given_up() as lost:
        database.commit()

    assert failure_of(lost.value) is Failure.UNKNOWN


def test_within_a_transaction_nothing_was_done(database: DatabaseWrapper) -> None:
    database.set_autocommit(False)
    database.in_atomic_block = True
    value(database, "INSERT INTO notes VALUES (3) RETURNING id")
    database.raw.silence_limit = LIMIT
    with hanging(database), given_up() as lost:
        value(database, "INSERT INTO notes VALUES (4) RETURNING id")
    database.in_atomic_block = False
    found = failure_of(lost.value)
    database.close()

    assert found in (Failure.UNKNOWN, Failure.NOT_STARTED)
    assert value(database, "SELECT count(*) FROM notes WHERE id IN (3, 4)") == 0


def test_a_writer_of_which_every_process_hangs_is_given_up(
    aurora: Cluster, database: DatabaseWrapper
) -> None:
    database.raw.silence_limit = LIMIT
    with all_hanging(aurora.primary), given_up() as lost:
        value(database, "SELECT 1")

    assert failure_of(lost.value) is Failure.UNKNOWN


def test_a_new_connection_to_a_writer_that_hangs_is_given_up(
    aurora: Cluster, database: DatabaseWrapper
) -> None:
    database.close()
    database.settings_dict["OPTIONS"]["connect_timeout"] = 2
    with all_hanging(aurora.primary), given_up() as lost:
        database.ensure_connection()

    assert failure_of(lost.value) is Failure.NOT_STARTED


def test_a_server_that_refuses_is_tried_for_seconds_and_not_for_the_whole_failover(
    aurora: Cluster, database: DatabaseWrapper
) -> None:
    """The driver knows no other server than the one that its topology of before names. By its own
    default it tries that one for 30 seconds, without a pause.
    """
    database.close()
    found = aurora.wrapper("initial_connection")
    found.settings_dict["PORT"] = "1"
    with given_up() as refused:
        found.ensure_connection()

    assert failure_of(refused.value) is Failure.NOT_STARTED


def test_a_reader_that_took_over_from_a_writer_that_hangs_is_found(
    aurora: Cluster, database: DatabaseWrapper
) -> None:
    database.raw.silence_limit = LIMIT
    next_one = "2" if aurora.primary is aurora.first else "1"
    with ExitStack() as stopped:
        stopped.enter_context(all_hanging(aurora.primary))
        with given_up():
            value(database, "SELECT 1")
        aurora.fail_over(kill=True)
    database.close()
    database.settings_dict["LEDGER_DRIVER"]["failover_timeout_sec"] = 10

    assert value(database, "SELECT pg_is_in_recovery()") is False
    assert value(database, "SELECT aurora_db_instance_identifier()") == next_one
    aurora.follow()
