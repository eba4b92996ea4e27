"""Reads the state of a database server with time limits. If Postgres refuses a query, the other
queries still run.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.db import DatabaseError, connections
from django.db import transaction as db_transaction

from ledger.db.retry import Failure, failure_of, sqlstate

Row = TypeVar("Row")
SECONDS = 3  # time limit for each SQL statement
LOCK_SECONDS = 1
TIMED_OUT, LOCKED, NO_RIGHT = "57014", "55P03", "42501"
NO_FUNCTION, NOT_LOADED = "42883", "55000"
SENTENCES = {
    TIMED_OUT: f"This query took over {SECONDS} seconds, so it was stopped. Try again later.",
    LOCKED: "A whole table is locked, for example by a migration. Try again when it has ended.",
    NO_FUNCTION: "The database is older than this version: run manage.py migrate.",
}


@dataclass(frozen=True)
class HealthAnswer(Generic[Row]):
    """The rows of a query. If Postgres refused the query, there are no rows, and `refused` is the
    SQLSTATE.
    """

    sql: str
    milliseconds: float
    rows: list[Row]
    refused: str = ""

    @property
    def sentence(self) -> str:
        """The message that explains why there are no rows, or "" if Postgres did not refuse the
        query.
        """
        if self.refused == NO_RIGHT:
            return f"The role {settings.LEDGER_WEB_ROLE} has no right to read this."
        usual = f"Postgres refused this query (SQLSTATE {self.refused})." if self.refused else ""
        return SENTENCES.get(self.refused, usual)


class HealthReader:
    """A reader that runs queries in a read-only transaction. `asked` contains the results."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self.asked: list[HealthAnswer[Any]] = []

    def ask(self, sql: str, row: type[Row]) -> HealthAnswer[Row]:
        """Runs a query and returns its rows as named tuples of the type `row`. If Postgres refuses
        the query, returns the SQLSTATE without rows.

        Raises DatabaseError if the connection is lost.
        """
        began, found, refused = time.perf_counter(), list[Row](), ""
        try:
            with (
                db_transaction.atomic(using=self._alias),
                connections[self._alias].cursor() as cursor,
            ):
                cursor.execute(sql)
                found = [row(*each) for each in cursor.fetchall()]
        except DatabaseError as error:
            refused = sqlstate(error) or ""
            if not refused or failure_of(error) is Failure.UNKNOWN:
                raise
        answer = HealthAnswer(sql, (time.perf_counter() - began) * 1000, found, refused)
        self.asked.append(answer)
        return answer


@contextmanager
def reader_of(alias: str) -> Iterator[HealthReader]:
    """Yields a HealthReader for the server with this alias. Raises DatabaseError if the server
    cannot be reached.
    """
    database: Any = connections[alias]
    is_ours = not database.in_atomic_block  # False inside the transaction of a test
    with db_transaction.atomic(using=alias, durable=True), database.cursor() as cursor:
        if is_ours:
            cursor.execute("SET TRANSACTION READ ONLY")
        cursor.execute(f"SET LOCAL statement_timeout = '{SECONDS}s'")
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
        cursor.execute("SET LOCAL jit = off")
        database.limit_transaction(SECONDS)
        yield HealthReader(alias)
