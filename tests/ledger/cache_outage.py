"""Writes to the cache's table that fail as a database fails."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import OperationalError, connection


@contextmanager
def cache_writes_fail(cause: psycopg.Error) -> Iterator[None]:
    """Raises an error with this cause at each INSERT or UPDATE on the cache's table."""

    def fail(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(('INSERT INTO "cache"', 'UPDATE "cache"')):
            raise OperationalError(str(cause)) from cause
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail):
        yield
