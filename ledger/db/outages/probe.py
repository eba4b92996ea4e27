"""A short connection that checks whether the database can be reached and is migrated."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections
from django.db.migrations.loader import MigrationLoader

from ledger.db.outages.reasons import for_people, is_standby

NO_WRITES = (
    "The database takes no writes: its server is a standby, or was set read-only. Connect to the"
    " primary."
)
CLOCKS_DIFFER = (
    "The clock of this server is {seconds:.0f} s {where} the database's. Set both with NTP. If it"
    " is more than 3 s behind, every payment takes a slower path. If it is ahead, a payment whose"
    " answer was lost may be booked later than usual."
)
TOLERATED = 1.0  # seconds between two clocks that NTP sets
clock = time.time


@contextmanager
def short_connection(seconds: int, using: str = DEFAULT_DB_ALIAS) -> Iterator[psycopg.Connection]:
    """Opens a new connection with a time limit for connecting and for each statement.

    Raises Django's OperationalError, with one message, if the database cannot be reached.
    """
    database: Any = connections[using]
    try:
        # psycopg's own connection: with AWS's driver, each statement could start a search for a
        # writer.
        with closing(database.open_within(seconds)) as opened, database.target(opened) as found:
            found.silence_limit = seconds + 1
            # Set in the transaction, because a pooler would refuse it as a startup option.
            found.execute(f"SET LOCAL statement_timeout = {seconds * 1000}")
            yield found
    except psycopg.Error as err:
        raise OperationalError(f"The database cannot be reached: {for_people(err)}") from err


def problem_with_writes(found: psycopg.Connection) -> str | None:
    """Returns a message if the server takes no writes, otherwise None."""
    is_reader = found.execute("SHOW transaction_read_only").fetchone() == ("on",)
    return NO_WRITES if is_reader else None


def problem_with_clock(found: psycopg.Connection) -> str | None:
    """Returns a message if this process's clock certainly differs from the server's by more than a
    second, otherwise None. See Note [Lost statements].
    """
    sent_at = clock()
    row = found.execute("SELECT extract(epoch FROM clock_timestamp())::float").fetchone()
    answered_at = clock()
    server_time: float = row[0] if row else sent_at
    if sent_at - server_time > TOLERATED:
        return CLOCKS_DIFFER.format(seconds=sent_at - server_time, where="ahead of")
    if server_time - answered_at > TOLERATED:
        return CLOCKS_DIFFER.format(seconds=server_time - answered_at, where="behind")
    return None


def refusal_of_reader(error: BaseException) -> str | None:
    """Returns a message if connecting failed because no server takes writes; None for other
    errors.
    """
    return NO_WRITES if is_standby(error) else None


def unapplied_migrations(found: psycopg.Connection) -> list[str]:
    """Returns the names (such as `accounts.0001_tables`) of migrations that the database lacks.

    It compares only names. This is faster than `migrate --check`, which builds every historical
    model.
    """
    applied = applied_migrations(found)
    return [name for name in known_migrations() if name not in applied]


def applied_migrations(found: psycopg.Connection) -> set[str]:
    """Returns the names of the migrations that the database has, including those of older and newer
    code. Reads no migration files.
    """
    table = found.execute("SELECT to_regclass('django_migrations')").fetchone()
    if table == (None,):
        return set()
    rows = found.execute("SELECT app || '.' || name FROM django_migrations").fetchall()
    return {name for (name,) in rows}


@cache
def known_migrations() -> tuple[str, ...]:
    """Returns all migrations of this code, in the form `accounts.0001_tables`."""
    return tuple(sorted(f"{app}.{name}" for app, name in MigrationLoader(None).graph.nodes))
