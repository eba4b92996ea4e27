"""Waits until what was read is confirmed by the synchronous standby, where there is one."""

from django.db import DEFAULT_DB_ALIAS, connections


def wait_until_confirmed(using: str = DEFAULT_DB_ALIAS) -> None:
    """Returns when every row that this session can read would survive a failover. One statement.

    For code that finds a row by its id and tells somebody that it is booked, without a lock or a
    write of its own: see Note [Cancelled waits]. Commits an empty message, which no decoder of the
    log is sent and which waits for the standby as every commit does. Raises OutcomeUnknown if that
    wait is cancelled.
    """
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_logical_emit_message(true, 'ledger', '')")
