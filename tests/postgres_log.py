"""The log lines of the embedded Postgres for the test's connection."""

from collections.abc import Iterable, Iterator

from django.db import connection

from ledger.embedded.instance import default_server


def lines_logged() -> list[str]:
    """Returns the log lines of this connection since its start, with their continuation lines."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        mark = f"[{cursor.fetchone()[0]}] "
    logs = (default_server().data / "log").glob("*.log")
    return [line for log in logs for line in _of(mark, log.read_text(errors="replace").split("\n"))]


def _of(mark: str, lines: Iterable[str]) -> Iterator[str]:
    """Yields the lines with this marker, and their continuation lines, which begin with a tab."""
    is_marked = False
    for line in lines:
        is_marked = mark in line if not line.startswith("\t") else is_marked
        if is_marked:
            yield line
