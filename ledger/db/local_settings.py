"""Sets Postgres settings for one transaction, like SET LOCAL."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


def set_locally(**values: str) -> None:
    """Sets Postgres settings until the end of the open transaction, which may be read-only."""
    _call_for_each("set_config(%s, %s, true)", [part for pair in values.items() for part in pair])
    if timeout := values.get("statement_timeout"):
        database: Any = connection
        milliseconds = timeout.removesuffix("ms")
        database.limit_transaction(int(milliseconds) / 1000 if milliseconds.isdecimal() else None)


@contextmanager
def locally(**values: str) -> Iterator[None]:
    """Sets Postgres settings inside the block, and then restores the previous values. After an
    error the values are not restored, because the settings end with the failed transaction.
    """
    before = _call_for_each("current_setting(%s)", list(values))
    set_locally(**values)
    yield
    set_locally(**dict(zip(values, before, strict=True)))


def _call_for_each(call: str, parameters: list[str]) -> list[str]:
    """Calls a SQL function several times in one SQL statement, until all parameters are used.
    Returns the results.
    """
    if not parameters:
        return []
    calls = ", ".join([call] * (len(parameters) // call.count("%s")))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {calls}", parameters)
        return list(cursor.fetchone() or [])
