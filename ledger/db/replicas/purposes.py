"""Checks that a read from a replica uses only the tables that its purpose allows.

Note [Tables of a purpose]: a function that reads from a replica may later be changed and call a
function that checks a limit or a permission. A replica must not be used for such a check. Therefore
the tables of each SQL statement are compared with the allowed tables before the statement is sent.
If the statement uses another table, the function runs on the writer.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from django.apps import apps
from django.db import DatabaseError

WORD = re.compile(r"\w+")
# Does not match the words of ON CONFLICT DO UPDATE SET.
WRITES = re.compile(r'\b(?:INSERT INTO|UPDATE|DELETE FROM|MERGE INTO)\s+(?!SET\b)"?(\w+)')
LOCKS = re.compile(r"\bFOR (?:NO KEY )?UPDATE\b")
# SQL statements that begin with these words do not change rows.
HARMLESS = (
    "SELECT", "(", "WITH", "SET", "SHOW", "EXPLAIN", "SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN",
    "COMMIT", "DECLARE", "FETCH", "CLOSE", "VALUES",
)  # fmt: skip
# Tables that no page reads from a replica. If a session has written only to these tables, it can
# still read from replicas. Apps add tables to this set.
not_shown: set[str] = set()


class NotForReplicas(DatabaseError):
    """An error for a SQL statement with a table that its purpose does not allow. The statement was
    not sent.
    """


@dataclass(frozen=True, slots=True)
class ReadPurpose:
    """A kind of page and the tables that it may read from a replica. `tables` is None if a database
    role limits the tables instead.
    """

    name: str
    tables: frozenset[str] | None

    def check(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any
    ) -> Any:
        """Runs a SQL statement and returns its result. This method is a Django execute wrapper.

        Raises NotForReplicas, before the statement is sent, if the purpose does not allow one of
        its tables.
        """
        if self.tables is not None:
            others = tables_in(sql) - self.tables if isinstance(sql, str) else {"composed SQL"}
            if others:
                raise NotForReplicas(f"{self.name} may not read {', '.join(sorted(others))}")
        return execute(sql, params, many, context)


@lru_cache(maxsize=1000)
def tables_in(sql: str) -> frozenset[str]:
    """Returns the model tables that a SQL statement uses. Every word that is the name of a table
    counts, so the result may contain too many tables.
    """
    return frozenset(WORD.findall(sql)) & _tables()


@cache
def _tables() -> frozenset[str]:
    models = apps.get_models(include_auto_created=True)
    return frozenset(model._meta.db_table for model in models)


@lru_cache(maxsize=1000)
def writes_what_replicas_show(sql: str) -> bool:
    """Returns whether a SQL statement may change rows that pages read from replicas. A statement
    that locks rows also counts, because its transaction will probably write.
    """
    if LOCKS.search(sql):
        return True
    written = set(WRITES.findall(sql))
    if written:
        return not written <= not_shown
    return not sql.lstrip().upper().startswith(HARMLESS)
