"""Waits until the synchronous standby confirms a commit. Also switches this wait off for rows that
a failover may lose.
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
    """The last result of `nobody_confirms` in this process (`is_lost`), and the time of this result
    (`at`).
    """

    is_lost, at = False, float("-inf")


def wait_until_confirmed(using: str = DEFAULT_DB_ALIAS) -> None:
    """Waits until all rows that this session can read would survive a failover. Sends one SQL
    statement.

    If you have found a row without a lock or a write, call this before you report the row as
    booked: see Note [Cancelled waits]. The statement commits an empty WAL message. Like every
    commit, this commit waits for the standby. Logical decoders do not receive the message.

    Raises OutcomeUnknown if the wait is cancelled.
    """
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_logical_emit_message(true, 'ledger', '')")


@contextmanager
def waiting_for_no_standby() -> Iterator[None]:
    """Opens a transaction whose commit does not wait for a standby. Use this only for data that a
    failover may lose, such as the time when a session was last used. Never use it for money or
    rights.
    """
    with db_transaction.atomic(durable=True):
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit = local")
        yield


def nobody_confirms() -> bool:
    """Returns whether commits wait for a standby that is not connected. Returns False if the server
    does not answer. Queries the server at most every five seconds, on a separate connection.
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
    """Returns whether no standby confirms commits. If the last result of `nobody_confirms` in this
    process was False, returns False without a query.
    """
    return _Answer.is_lost and nobody_confirms()
