"""Sets Postgres settings for one transaction only, like SET LOCAL. They do not stay in a pooled
connection.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


def set_locally(**values: str) -> None:
    """Sets Postgres settings until the end of the open transaction. This also works in a read-only
    transaction.
    """
    _call_for_each("set_config(%s, %s, true)", [part for pair in values.items() for part in pair])
    if timeout := values.get("statement_timeout"):
        database: Any = connection
        milliseconds = timeout.removesuffix("ms")
        database.limit_transaction(int(milliseconds) / 1000 if milliseconds.isdecimal() else None)


@contextmanager
def locally(**values: str) -> Iterator[None]:
    """Sets Postgres settings inside the block, and restores the previous values afterwards.

    If the block raises an error, the values are not restored, because the settings end with the
    failed transaction.
    """
    before = _call_for_each("current_setting(%s)", list(values))
    set_locally(**values)
    yield
    set_locally(**dict(zip(values, before, strict=True)))


def _call_for_each(call: str, parameters: list[str]) -> list[str]:
    """Returns the results of a SQL function call. The call is repeated in one SQL statement until
    all parameters are used.
    """
    if not parameters:
        return []
    calls = ", ".join([call] * (len(parameters) // call.count("%s")))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {calls}", parameters)
        return list(cursor.fetchone() or [])
