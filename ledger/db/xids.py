"""Whether a transaction was committed, asked afterwards by its id."""

from django.db import connection


def current_xid() -> str:
    """The id of the transaction that runs, which has written something."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text")
        return str(cursor.fetchone()[0])


def was_committed(xid: str) -> bool:
    """Whether the transaction with that id is in the database.

    A server that took over without it has perhaps not come to that id yet: then it is not.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT CASE WHEN %s::xid8 < pg_snapshot_xmax(pg_current_snapshot())"
            " THEN pg_xact_status(%s::xid8) = 'committed' END",
            [xid, xid],
        )
        return bool(cursor.fetchone()[0])
