"""Whether a connection may be used again.

Note [A writer that became a reader]: after a failover the old writer may come back as a standby, or
be set read-only while it runs. SELECT 1 still passes there. So a connection is closed, not kept nor
given back to a pool, as soon as its server says that it takes no writes (Postgres tells each
session so by itself, without a query), or refused a write with 25006.
"""

from collections.abc import Callable
from typing import Any

import psycopg

READ_ONLY = "25006"  # read_only_sql_transaction
# What libpq asked of the server when it connected (`target_session_attrs`) and has to stay true.
ASKS_FOR_WRITER = ("read-write", "primary")
# Settings that Postgres reports whenever they change (version 14 and later).
REPORTED = (b"in_hot_standby", b"default_transaction_read_only")


class Demotion:
    """What a connection knows of its server's change from writer to reader."""

    def __init__(self) -> None:
        self.refused_write = False

    def watch(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        """An execute wrapper of Django's that remembers a refused write."""
        try:
            return execute(sql, params, many, context)
        except Exception as error:
            if getattr(error.__cause__, "sqlstate", None) == READ_ONLY:
                self.refused_write = True
            raise

    def is_known(self, raw: Any, options: dict[str, Any]) -> bool:
        """Whether this raw connection has to be closed instead of used again."""
        return self.refused_write or has_become_reader(raw, options)


def has_become_reader(raw: psycopg.Connection[Any], options: dict[str, Any]) -> bool:
    """Whether the server of this connection takes no writes, though they were asked for."""
    if raw.closed or options.get("target_session_attrs") not in ASKS_FOR_WRITER:
        return False
    return any(raw.pgconn.parameter_status(name) == b"on" for name in REPORTED)
