"""Opens short connections that check whether the database can be reached and is migrated."""

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
TOLERATED = 1.0  # seconds that two clocks may differ if NTP sets them
clock = time.time


@contextmanager
def short_connection(seconds: int, using: str = DEFAULT_DB_ALIAS) -> Iterator[psycopg.Connection]:
    """Opens a new connection for the block. `seconds` is the time limit for connecting and for each
    SQL statement.

    Raises Django's OperationalError, with a message for users, if the database cannot be reached or
    refuses a statement.
    """
    database: Any = connections[using]
    try:
        # This is psycopg's own connection. With AWS's driver, each SQL statement could start a
        # search for a writer.
        with closing(database.open_within(seconds)) as opened, database.target(opened) as found:
            found.silence_limit = seconds + 1
            # This is set in the transaction, because a pooler would refuse it as a startup option.
            found.execute(f"SET LOCAL statement_timeout = {seconds * 1000}")
            yield found
    except psycopg.Error as err:
        is_away = isinstance(err, psycopg.OperationalError)
        what = "cannot be reached" if is_away else "refused a statement"
        raise OperationalError(f"The database {what}: {for_people(err)}") from err


def problem_with_writes(found: psycopg.Connection) -> str | None:
    """Returns a message if the server does not accept writes. Otherwise returns None."""
    is_reader = found.execute("SHOW transaction_read_only").fetchone() == ("on",)
    return NO_WRITES if is_reader else None


def problem_with_clock(found: psycopg.Connection) -> str | None:
    """Returns a message if the clocks of this process and of the server certainly differ by more
    than a second. Otherwise returns None. See Note [Lost statements].
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
    """Returns a message if the error means that no server accepts writes. Otherwise returns
    None.
    """
    return NO_WRITES if is_standby(error) else None


def unapplied_migrations(found: psycopg.Connection) -> list[str]:
    """Returns the names of migrations that are missing in the database, such as
    `accounts.0001_tables`. Compares only names, which is faster than `migrate --check`.
    """
    applied = applied_migrations(found)
    return [name for name in known_migrations() if name not in applied]


def applied_migrations(found: psycopg.Connection) -> set[str]:
    """Returns the names of all migrations that the database records as applied. The names may
    belong to older or newer code.
    """
    table = found.execute("SELECT to_regclass('django_migrations')").fetchone()
    if table == (None,):
        return set()
    rows = found.execute("SELECT app || '.' || name FROM django_migrations").fetchall()
    return {name for (name,) in rows}


@cache
def known_migrations() -> tuple[str, ...]:
    """Returns the names of all migrations of this code, such as `accounts.0001_tables`."""
    return tuple(sorted(f"{app}.{name}" for app, name in MigrationLoader(None).graph.nodes))
