"""Runs a query on a replica where there is one, else on the writer."""

import psycopg
from django.db import OperationalError

from explorer.access import ExplorerReader
from explorer.running.run import QueryRequest, QueryResult, run
from ledger.db.replicas import ReadPurpose, read

# Which tables it reads, the database sees to: see Note [The wall].
EXPLORER = ReadPurpose("explorer", None)


def run_anywhere(asked: QueryRequest, reader: ExplorerReader) -> QueryResult:
    """The result of `run`. Raises NotSetUp, ExplorerBusy, or OperationalError if none answers."""

    def once() -> QueryResult:
        try:
            return run(asked, reader)
        except psycopg.OperationalError as error:
            raise OperationalError(str(error)) from error

    return read(EXPLORER, once)
