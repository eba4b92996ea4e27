"""Lets Postgres parse a statement, without running it."""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import generators
from psycopg.pq import ExecStatus

from explorer.running.session import QueryConnection


def parsed(connection: QueryConnection, sql: str, types: Sequence[int] = ()) -> Any:
    """Parses one statement by the extended protocol and returns its description. `types` are those
    of its parameters, where they do not follow from it.

    Raises psycopg's Error for text that is no single statement.
    """
    connection.limit_next()  # a constant such as a regular expression may take long
    raw = connection.pgconn
    raw.send_prepare(b"", sql.encode(), types)
    _one(connection)
    raw.send_describe_prepared(b"")
    return _one(connection)


def _one(connection: QueryConnection) -> Any:
    found = connection.wait(generators.execute(connection.pgconn))[0]
    if found.status == ExecStatus.FATAL_ERROR:
        raise psycopg.errors.error_from_result(found, encoding="utf-8")
    return found


def type_names(connection: QueryConnection, types: list[int]) -> list[str]:
    """Returns the names of types as SQL takes them."""
    found = connection.execute(
        b"SELECT format_type(oid, -1) FROM unnest($1::oid[]) WITH ORDINALITY AS t (oid, place)"
        b" ORDER BY place",
        [types],
    )
    return [name for (name,) in found]
