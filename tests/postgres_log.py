"""What the embedded Postgres has logged for the connection of the test."""

from django.db import connection

from ledger.db.own_server import default_server


def lines_logged() -> list[str]:
    """The lines with the process id of this connection, since it began."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        mark = f"[{cursor.fetchone()[0]}] "
    logs = (default_server().data / "log").glob("*.log")
    lines = (line for log in logs for line in log.read_text(errors="replace").splitlines())
    return [line for line in lines if mark in line]
