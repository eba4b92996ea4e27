"""Waits until the synchronous standby confirms a commit, and switches this wait off for rows that a
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

SECONDS = 1  # time limit in seconds for connecting, and for the query
# Seconds for which an answer is used, so that many failing requests send only one query.
KNOWN_FOR = 5.0
clock = time.monotonic


class _Answer:
    """The last answer in this process: whether no standby confirms commits, and the time of this
    answer.
    """

    is_lost, at = False, float("-inf")


def wait_until_confirmed(using: str = DEFAULT_DB_ALIAS) -> None:
    """Waits until every row that this session can read would survive a failover. Sends one SQL
    statement.

    Use it in code that finds a row by its id and reports the row as booked, without a lock or a
    write: see Note [Cancelled waits]. The SQL statement commits an empty message in the WAL. Like
    every commit, this commit waits for the standby. Logical decoders do not get the message.

    Raises OutcomeUnknown if the wait is cancelled.
    """
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_logical_emit_message(true, 'ledger', '')")


@contextmanager
def waiting_for_no_standby() -> Iterator[None]:
    """Opens a transaction whose commit waits for the disk of the primary, but not for the standby.
    Use it only for data that a failover may lose, such as the time when a session was last used.
    Never use it for money or rights.
    """
    with db_transaction.atomic(durable=True):
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit = local")
        yield


def nobody_confirms() -> bool:
    """Returns whether commits wait for a standby that is not connected. Returns False if the server
    does not answer. Uses a separate connection, at most once in five seconds.
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
    """Returns whether it is already known that no standby confirms commits. Queries the server only
    if its last answer was that no standby confirms commits. Otherwise returns False.
    """
    return _Answer.is_lost and nobody_confirms()
