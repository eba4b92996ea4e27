"""Settings of Postgres for one transaction: SET LOCAL, which no pooler can leak."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


def set_locally(**values: str) -> None:
    """Holds until the transaction that is open ends; works in a read-only one too."""
    with connection.cursor() as cursor:
        for name, value in values.items():
            cursor.execute("SELECT set_config(%s, %s, true)", [name, value])


@contextmanager
def locally(**values: str) -> Iterator[None]:
    """The settings for what runs inside, then those of before.

    After an error the transaction is over and its settings with it, so nothing is put back.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, setting FROM unnest(%s::text[]) AS name, "
                       "current_setting(name) AS setting", [list(values)])  # fmt: skip
        before = dict(cursor.fetchall())
    set_locally(**values)
    yield
    set_locally(**before)
