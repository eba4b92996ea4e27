"""Asks an embedded server of a test, or the server of a connection."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper

from ledger.embedded import postmaster, roles
from ledger.embedded.roles import OWNER
from ledger.embedded.server import EmbeddedServer

TRANSFERS = "SELECT coalesce(string_agg(id::text, ' '), '') FROM transactions WHERE type='transfer'"
Start = Callable[[Path], EmbeddedServer]


def query(server: EmbeddedServer, sql: str) -> str:
    """The first value of the answer, "" without one; starts the server if it does not run."""
    info = server.ensure_started()
    with psycopg.connect(
        host=info.host, port=info.port, user=OWNER, dbname="ledger", autocommit=True
    ) as connection:
        cursor = connection.execute(sql)
        row = cursor.fetchone() if cursor.description else None
    return str(row[0]) if row else ""


def value(connection: BaseDatabaseWrapper, sql: str, *parameters: Any) -> Any:
    """The one value that this statement gives on a connection of Django's."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        (found,) = cursor.fetchone()
    return found


def transfers_of(server: EmbeddedServer) -> set[str]:
    """The ids of all of them that it shows; starts it if it does not run."""
    return set(query(server, TRANSFERS).split())


def pid_of(server: EmbeddedServer) -> int:
    found = postmaster.read(server.data)
    assert found is not None
    return found.pid


def superuser_of(server: EmbeddedServer) -> psycopg.Connection[Any]:
    """A connection that commits each statement, to a server that is started for it."""
    server.ensure_started()
    running = postmaster.read(server.data)
    assert running is not None
    return roles.as_superuser(running, "postgres")
