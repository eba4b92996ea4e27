"""Runs a query on a replica, or on the primary if there is no replica."""

import psycopg
from django.db import OperationalError

from explorer.access import QueryReader
from explorer.running.run import QueryRequest, QueryResult, run
from ledger.db.replicas import ReadPurpose, read

# The database controls which tables a query can read: see Note [The wall].
EXPLORER = ReadPurpose("explorer", None)


def run_anywhere(query_request: QueryRequest, reader: QueryReader) -> QueryResult:
    """Runs the query on a replica or on the primary, and returns the result of `run`.

    Raises: NotSetUp; ExplorerBusy; OperationalError if no server responds.
    """

    def once() -> QueryResult:
        try:
            return run(query_request, reader)
        except psycopg.OperationalError as error:
            raise OperationalError(str(error)) from error

    return read(EXPLORER, once)
