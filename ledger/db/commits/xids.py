"""Finds out whether a database transaction was committed, by its id."""

from django.db import connection


def current_xid() -> str:
    """The id of the open transaction, which must have written something."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text")
        return str(cursor.fetchone()[0])


def was_committed(xid: str) -> bool:
    """Whether the transaction with that id is committed on this server.

    After a failover that lost it, the new server may not have reached that id: False.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT CASE WHEN %s::xid8 < pg_snapshot_xmax(pg_current_snapshot())"
            " THEN pg_xact_status(%s::xid8) = 'committed' END",
            [xid, xid],
        )
        return bool(cursor.fetchone()[0])
