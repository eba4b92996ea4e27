"""Checks whether a connection may be used again.

Note [A writer that became a reader]: after a failover, the old writer may become a standby or
read-only. SELECT 1 still succeeds on this server. Therefore a connection is closed when its server
reports that it no longer accepts writes, or refuses a write with 25006. Postgres sends this report
to each session without a query.
"""

from collections.abc import Callable
from typing import Any

import psycopg

READ_ONLY = "25006"  # read_only_sql_transaction
# Values of `target_session_attrs` that require a writer. libpq checks this when it connects, and
# Ledger checks it afterwards.
ASKS_FOR_WRITER = ("read-write", "primary")
# Settings that show whether a server accepts writes. Postgres reports them when they change
# (version 14 and later).
REPORTED = (b"in_hot_standby", b"default_transaction_read_only")


class Demotion:
    """A record of whether the server of a connection has become read-only."""

    def __init__(self) -> None:
        self.refused_write = False

    def watch(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        """Runs a SQL statement and returns its result. If the server refuses a write, records the
        refusal. This method is a Django execute wrapper.
        """
        try:
            return execute(sql, params, many, context)
        except Exception as error:
            if getattr(error.__cause__, "sqlstate", None) == READ_ONLY:
                self.refused_write = True
            raise

    def is_known(self, raw: Any, options: dict[str, Any]) -> bool:
        """Returns whether the connection must be closed because its server has become read-only."""
        return self.refused_write or has_become_reader(raw, options)


def has_become_reader(raw: psycopg.Connection[Any], options: dict[str, Any]) -> bool:
    """Returns whether the options require a server that accepts writes, but this server does
    not.
    """
    if raw.closed or options.get("target_session_attrs") not in ASKS_FOR_WRITER:
        return False
    return any(raw.pgconn.parameter_status(name) == b"on" for name in REPORTED)
