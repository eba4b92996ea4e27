"""A short connection that checks whether the database is reachable and migrated."""

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
    "The clock of this server is {seconds:.0f} s {where} the database's; set both by NTP. More than"
    " 3 s behind, every payment takes the long way; ahead, a lost one may come through for longer."
)
TOLERATED = 1.0  # seconds between the clocks of two servers that NTP sets
clock = time.time


@contextmanager
def short_connection(seconds: int, using: str = DEFAULT_DB_ALIAS) -> Iterator[psycopg.Connection]:
    """A new connection with a time limit for connecting and for each statement.

    Raises Django's OperationalError, with one sentence, if the database cannot be reached.
    """
    database: Any = connections[using]
    try:
        # Of psycopg itself: under AWS's driver each statement could begin to look for a writer.
        with closing(database.open_within(seconds)) as opened, database.target(opened) as found:
            found.silence_limit = seconds + 1
            # Set in the transaction, because a pooler would refuse it as a start-up option.
            found.execute(f"SET LOCAL statement_timeout = {seconds * 1000}")
            yield found
    except psycopg.Error as err:
        raise OperationalError(f"The database cannot be reached: {for_people(err)}") from err


def problem_with_writes(found: psycopg.Connection) -> str | None:
    """The sentence about a server that takes no writes; None for one that does."""
    is_reader = found.execute("SHOW transaction_read_only").fetchone() == ("on",)
    return NO_WRITES if is_reader else None


def problem_with_clock(found: psycopg.Connection) -> str | None:
    """The sentence about a clock of this process that surely differs from the server's by more than
    a second: see Note [Lost statements]. None for any other.
    """
    asked = clock()
    row = found.execute("SELECT extract(epoch FROM clock_timestamp())::float").fetchone()
    answered = clock()
    theirs: float = row[0] if row else asked
    if asked - theirs > TOLERATED:
        return CLOCKS_DIFFER.format(seconds=asked - theirs, where="ahead of")
    if theirs - answered > TOLERATED:
        return CLOCKS_DIFFER.format(seconds=theirs - answered, where="behind")
    return None


def refusal_of_reader(error: BaseException) -> str | None:
    """The same for a connection that was not made because no server takes writes; None for other
    errors.
    """
    return NO_WRITES if is_standby(error) else None


def unapplied_migrations(found: psycopg.Connection) -> list[str]:
    """Names such as `accounts.0001_tables` that the database lacks.

    It compares names only: quicker than `migrate --check`, which builds every historical model.
    """
    applied = applied_migrations(found)
    return [name for name in known_migrations() if name not in applied]


def applied_migrations(found: psycopg.Connection) -> set[str]:
    """Names that the database has, of older and newer code too; needs no file of a migration."""
    table = found.execute("SELECT to_regclass('django_migrations')").fetchone()
    if table == (None,):
        return set()
    rows = found.execute("SELECT app || '.' || name FROM django_migrations").fetchall()
    return {name for (name,) in rows}


@cache
def known_migrations() -> tuple[str, ...]:
    """All migrations of this code, as `accounts.0001_tables`."""
    return tuple(sorted(f"{app}.{name}" for app, name in MigrationLoader(None).graph.nodes))
