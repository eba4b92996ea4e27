"""A short connection that finds out whether the database is there and up to date."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import psycopg
from django.db import OperationalError, connection
from django.db.migrations.loader import MigrationLoader


@contextmanager
def short_connection(seconds: int) -> Iterator[psycopg.Connection]:
    """A connection with limits of its own, so that they touch nothing else.

    Raises Django's OperationalError, with a sentence, when there is none to be had.
    """
    parameters = connection.get_connection_params() | {"connect_timeout": seconds}
    try:
        with connection.get_new_connection(parameters) as found:
            # Within its transaction; a pooler would refuse it as a start-up option.
            found.execute(f"SET LOCAL statement_timeout = {seconds * 1000}")
            yield found
    except psycopg.Error as err:
        reason = str(err).strip().splitlines()[0]
        raise OperationalError(f"The database cannot be reached: {reason}") from err


def unapplied_migrations(found: psycopg.Connection) -> list[str]:
    """Names such as `accounts.0001_initial` that this code has and the database has not.

    Quicker than `migrate --check`, which builds every historical model: this
    compares names.
    """
    table = found.execute("SELECT to_regclass('django_migrations')").fetchone()
    if table == (None,):
        return list(known_migrations())
    applied = {
        name for (name,) in found.execute("SELECT app || '.' || name FROM django_migrations")
    }
    return [name for name in known_migrations() if name not in applied]


@cache
def known_migrations() -> tuple[str, ...]:
    """All migrations of this code, as `accounts.0001_initial`."""
    return tuple(sorted(f"{app}.{name}" for app, name in MigrationLoader(None).graph.nodes))
