"""Checks by its id whether a database transaction was committed."""

from django.db import connection


def current_xid() -> str:
    """Returns the id of the open transaction, which must have written something."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text")
        return str(cursor.fetchone()[0])


def was_committed(xid: str) -> bool:
    """Returns whether the transaction with that id was committed on this server.

    It also returns False for a transaction that a failover lost, because the new server may not
    have used that id yet.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT CASE WHEN %s::xid8 < pg_snapshot_xmax(pg_current_snapshot())"
            " THEN pg_xact_status(%s::xid8) = 'committed' END",
            [xid, xid],
        )
        return bool(cursor.fetchone()[0])
