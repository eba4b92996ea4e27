"""Settings of Postgres for one transaction: SET LOCAL, which no pooler can leak."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


def set_locally(**values: str) -> None:
    """Holds until the transaction that is open ends; works in a read-only one too."""
    _ask("set_config(%s, %s, true)", [part for pair in values.items() for part in pair])


@contextmanager
def locally(**values: str) -> Iterator[None]:
    """The settings for what runs inside, then those of before.

    After an error the transaction is over and its settings with it, so nothing is put back.
    """
    before = _ask("current_setting(%s)", list(values))
    set_locally(**values)
    yield
    set_locally(**dict(zip(values, before, strict=True)))


def _ask(call: str, parameters: list[str]) -> list[str]:
    """What the function answers, called in one statement as often as the parameters last."""
    if not parameters:
        return []
    calls = ", ".join([call] * (len(parameters) // call.count("%s")))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {calls}", parameters)
        return list(cursor.fetchone() or [])
