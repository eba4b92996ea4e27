"""What a commit waits for: the synchronous standby, where there is one; or nobody, for rows that a
failover may lose.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db import transaction as db_transaction

from ledger.db.commits.synchronous import problem_with_confirmation
from ledger.db.outages.probe import short_connection

SECONDS = 1  # for connecting, and for the question
KNOWN_FOR = 5.0  # seconds; so that many failing requests ask once
clock = time.monotonic


class _Answer:
    """The last one of this process: whether nobody confirms, and when it came."""

    is_lost, at = False, float("-inf")


def wait_until_confirmed(using: str = DEFAULT_DB_ALIAS) -> None:
    """Returns when every row that this session can read would survive a failover. One statement.

    For code that finds a row by its id and tells somebody that it is booked, without a lock or a
    write of its own: see Note [Cancelled waits]. Commits an empty message, which no decoder of the
    log is sent and which waits for the standby as every commit does. Raises OutcomeUnknown if that
    wait is cancelled.
    """
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_logical_emit_message(true, 'ledger', '')")


@contextmanager
def waiting_for_no_standby() -> Iterator[None]:
    """A transaction that is committed once it is on the disk of the primary. Only for what a
    failover may lose, such as when a session was last used; never for money or rights.
    """
    with db_transaction.atomic(durable=True):
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit = local")
        yield


def nobody_confirms() -> bool:
    """Whether commits wait for a standby that is not connected. Asks over a connection of its own,
    at most once in five seconds; False where the server does not answer.
    """
    if clock() - _Answer.at >= KNOWN_FOR:
        try:
            with short_connection(SECONDS) as found:
                is_lost = problem_with_confirmation(found) is not None
        except (Error, psycopg.Error):
            is_lost = False
        _Answer.is_lost, _Answer.at = is_lost, clock()
    return _Answer.is_lost


def is_known_lost() -> bool:
    """The same, which asks only if the last answer was that nobody confirms."""
    return _Answer.is_lost and nobody_confirms()
