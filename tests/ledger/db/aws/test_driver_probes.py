"""Probes by AWS's driver while its cluster has no writer: an error of Django's, or the next writer,
within their seconds.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections
from pytest_django import DjangoDbBlocker

from ledger.db.aws.base import DatabaseWrapper
from ledger.db.outages.probe import short_connection
from ledger.db.outages.reasons import for_everybody
from tests.ledger.db.aws.cluster import USUAL, Cluster, all_hanging, cluster
from tests.ledger.servers import value

# The driver leaves some connections of its own to be closed by the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
WHERE = "SELECT aurora_db_instance_identifier()"
SECONDS = 2
FAILOVER = 40  # seconds that the driver may look for a writer for pages
LONGEST = 10.0  # of a probe, with what a busy machine needs for itself


@pytest.fixture
def aurora() -> Iterator[Cluster]:
    with cluster() as found:
        yield found


@pytest.fixture
def database(aurora: Cluster, django_db_blocker: DjangoDbBlocker) -> Iterator[DatabaseWrapper]:
    """The default database, which this process has used before."""
    found = aurora.wrapper(USUAL)
    found.settings_dict["LEDGER_DRIVER"]["failover_timeout_sec"] = FAILOVER
    before = connections[DEFAULT_DB_ALIAS]
    with django_db_blocker.unblock():
        connections[DEFAULT_DB_ALIAS] = found
        try:
            value(found, "SELECT 1")
            yield found
        finally:
            connections[DEFAULT_DB_ALIAS] = before
            found.close()


@contextmanager
def given_up() -> Iterator[pytest.ExceptionInfo[OperationalError]]:
    began = time.monotonic()
    with pytest.raises(OperationalError, match="cannot be reached") as lost:
        yield lost
    assert time.monotonic() - began < LONGEST


@pytest.mark.usefixtures("database")
def test_a_writer_that_hangs_is_given_up(aurora: Cluster) -> None:
    with all_hanging(aurora.primary):
        for _ in range(2):  # the driver knows the second time that it does not answer
            with given_up() as lost, short_connection(SECONDS):
                pass
    assert for_everybody(lost.value) == "timeout"


@pytest.mark.usefixtures("database")
def test_a_writer_that_dies_is_given_up_and_the_next_one_found(aurora: Cluster) -> None:
    """Though the endpoint still leads to the dead one."""
    with given_up(), short_connection(SECONDS) as found:
        aurora.first.kill()
        found.execute("SELECT 1")
    with given_up(), short_connection(SECONDS):
        pass

    aurora.fail_over(kill=True)

    with short_connection(SECONDS) as found:
        assert found.execute(WHERE).fetchone() == ("2",)
