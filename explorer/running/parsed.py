"""Lets Postgres parse a statement, without running it."""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import generators
from psycopg.pq import ExecStatus

from explorer.running.session import LOCK_SECONDS, QueryConnection

# Tables are locked from then on, also those without a right: see `LOCKED` of functions. One more
# than a query waits for the lock of a table, which is told as that.
SECONDS = LOCK_SECONDS + 1


class SlowToParse(psycopg.errors.QueryCanceled):
    """The text was not read within SECONDS."""


def parsed(connection: QueryConnection, sql: str, types: Sequence[int] = ()) -> Any:
    """Parses one statement by the extended protocol and returns its description. `types` are those
    of its parameters, where they do not follow from it.

    Raises psycopg's Error for text that is no single statement, SlowToParse after SECONDS.
    """
    connection.limit_next(SECONDS)  # a constant such as a regular expression may take long
    raw = connection.pgconn
    raw.send_prepare(b"", sql.encode(), types)
    try:
        _one(connection)
    except psycopg.errors.QueryCanceled as error:
        raise SlowToParse(str(error)) from error
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
