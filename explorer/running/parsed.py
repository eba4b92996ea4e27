"""Lets Postgres parse an SQL statement without running it."""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import generators
from psycopg.pq import ExecStatus

from explorer.running.session import LOCK_SECONDS, QueryConnection

# Parsing locks the tables in the text, even tables that the role may not read: see `LOCKED` in
# functions. The limit is one second longer than the lock timeout, so that the lock timeout ends
# first.
SECONDS = LOCK_SECONDS + 1


class SlowToParse(psycopg.errors.QueryCanceled):
    """An error for a text that was not parsed within SECONDS."""


def parsed(connection: QueryConnection, sql: str, types: Sequence[int] = ()) -> Any:
    """Lets Postgres parse one SQL statement with the extended protocol, and returns the description
    of the statement. `types` are the types of its parameters. They are needed only if Postgres
    cannot derive the types.

    Raises: psycopg's Error if the text is not a single valid statement; SlowToParse after SECONDS.
    """
    connection.limit_next(SECONDS)  # a constant, such as a regular expression, may take long
    raw = connection.pgconn
    raw.send_prepare(b"", sql.encode(), types)
    try:
        _single_result(connection)
    except psycopg.errors.QueryCanceled as error:
        raise SlowToParse(str(error)) from error
    raw.send_describe_prepared(b"")
    return _single_result(connection)


def _single_result(connection: QueryConnection) -> Any:
    found = connection.wait(generators.execute(connection.pgconn))[0]
    if found.status == ExecStatus.FATAL_ERROR:
        raise psycopg.errors.error_from_result(found, encoding="utf-8")
    return found


def type_names(connection: QueryConnection, types: list[int]) -> list[str]:
    """Returns the SQL names of these types, which are given by oid."""
    found = connection.execute(
        b"SELECT format_type(oid, -1) FROM unnest($1::oid[]) WITH ORDINALITY AS t (oid, place)"
        b" ORDER BY place",
        [types],
    )
    return [name for (name,) in found]
