"""Creates databases of the embedded server that exist only during a `with` block. They are for code
that needs its own transactions or the rights of a superuser.
"""

import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from ledger.db.server.embedded import EmbeddedServerError
from ledger.embedded.postmaster import Postmaster
from ledger.embedded.roles import SUPERUSER, as_superuser

PREFIX = "ledger_throwaway_"
# A database that is older than this many seconds belongs to a process that was killed.
LEFT_BEHIND_SECONDS = 300
CREATED_AT = re.compile(rf"{PREFIX}(\d+)_")


@contextmanager
def throwaway_database(server: Postmaster) -> Iterator[dict[str, str]]:
    """Creates an empty database, and drops the database when the block ends. Yields its HOST, PORT,
    USER and NAME. The user is the superuser of the server.

    The name has a random part, so several blocks can run in parallel.

    Raises EmbeddedServerError if the database cannot be created.
    """
    name = f"{PREFIX}{int(time.time())}_{secrets.token_hex(8)}"
    try:
        with as_superuser(server, "postgres") as connection:
            _drop_left_behind(connection)
            # template0 has no sessions that could block the copy. WAL_LOG is the faster strategy
            # for a small database, and needs no checkpoint.
            create = "CREATE DATABASE {} TEMPLATE template0 STRATEGY wal_log"
            connection.execute(sql.SQL(create).format(sql.Identifier(name)))
    except psycopg.Error as error:
        raise EmbeddedServerError(f"No database could be created: {error}") from error
    try:
        yield {
            "HOST": str(server.socket_dir),
            "PORT": str(server.port),
            "USER": SUPERUSER,
            "NAME": name,
        }
    finally:
        with as_superuser(server, "postgres") as connection:
            _drop(connection, name)


def _drop_left_behind(connection: psycopg.Connection[tuple[str, ...]]) -> None:
    names = "SELECT datname FROM pg_database WHERE starts_with(datname, %s)"
    for (name,) in connection.execute(names, [PREFIX]).fetchall():
        found = CREATED_AT.match(name)
        if found and int(found[1]) < time.time() - LEFT_BEHIND_SECONDS:
            _drop(connection, name)


def _drop(connection: psycopg.Connection[tuple[str, ...]], name: str) -> None:
    drop = "DROP DATABASE IF EXISTS {} WITH (FORCE)"
    connection.execute(sql.SQL(drop).format(sql.Identifier(name)))
