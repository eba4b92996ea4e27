"""Checks by transaction id whether a database transaction was committed."""

from django.db import connection


def current_xid() -> str:
    """Returns the id of the open transaction. If the transaction has no id yet, Postgres assigns an
    id.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text")
        return str(cursor.fetchone()[0])


def was_committed(xid: str) -> bool:
    """Returns whether the transaction with this id was committed on this server.

    If the transaction was lost in a failover, returns False while its id is unused on the new
    server.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT CASE WHEN %s::xid8 < pg_snapshot_xmax(pg_current_snapshot())"
            " THEN pg_xact_status(%s::xid8) = 'committed' END",
            [xid, xid],
        )
        return bool(cursor.fetchone()[0])
