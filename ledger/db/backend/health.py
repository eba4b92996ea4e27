"""Checks whether a connection may be used again.

Note [A writer that became a reader]: after a failover, the old writer may come back as a standby,
or may become read-only while it runs. SELECT 1 still succeeds on it. So a connection is closed, and
neither kept nor returned to a pool, as soon as its server reports that it takes no writes, or
refuses a write with 25006. Postgres sends this report to each session without a query.
"""

from collections.abc import Callable
from typing import Any

import psycopg

READ_ONLY = "25006"  # read_only_sql_transaction
# The values of `target_session_attrs` that require a writer when libpq connects, and afterwards.
ASKS_FOR_WRITER = ("read-write", "primary")
# The settings that show whether a server takes writes. Postgres reports them whenever they change
# (version 14 and later).
REPORTED = (b"in_hot_standby", b"default_transaction_read_only")


class Demotion:
    """The record of whether a connection's server has changed from writer to reader."""

    def __init__(self) -> None:
        self.refused_write = False

    def watch(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        """Records refused writes, as an execute wrapper of Django."""
        try:
            return execute(sql, params, many, context)
        except Exception as error:
            if getattr(error.__cause__, "sqlstate", None) == READ_ONLY:
                self.refused_write = True
            raise

    def is_known(self, raw: Any, options: dict[str, Any]) -> bool:
        """Returns whether this raw connection must be closed instead of used again."""
        return self.refused_write or has_become_reader(raw, options)


def has_become_reader(raw: psycopg.Connection[Any], options: dict[str, Any]) -> bool:
    """Returns whether the server takes no writes, although the connection requires a writer."""
    if raw.closed or options.get("target_session_attrs") not in ASKS_FOR_WRITER:
        return False
    return any(raw.pgconn.parameter_status(name) == b"on" for name in REPORTED)
