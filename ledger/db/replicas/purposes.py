"""The purposes for which pages read from a replica, and the tables that they need for each purpose.

Note [Tables of a purpose]: a function that reads from a replica may be changed later, and then call
another function which checks a limit or a permission. A replica must not be used for such a check.
Therefore the tables of each SQL statement are compared with the tables of its purpose before the
statement is sent. If the statement uses another table, the function runs on the writer.
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
    """An error for a SQL statement that uses a table which is not allowed for its purpose. The
    statement was not sent.
    """


@dataclass(frozen=True, slots=True)
class ReadPurpose:
    """A kind of page, and the tables that it may read from a replica. `tables` is None if the
    rights of a database role limit the tables instead.
    """

    name: str
    tables: frozenset[str] | None

    def check(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any
    ) -> Any:
        """Runs a SQL statement and returns its result, if the purpose allows all its tables. This
        is an execute wrapper of Django.

        Raises NotForReplicas, without sending the statement, if another table is used.
        """
        if self.tables is not None:
            others = tables_in(sql) - self.tables if isinstance(sql, str) else {"composed SQL"}
            if others:
                raise NotForReplicas(f"{self.name} may not read {', '.join(sorted(others))}")
        return execute(sql, params, many, context)


@lru_cache(maxsize=1000)
def tables_in(sql: str) -> frozenset[str]:
    """Returns the tables of models that a SQL statement uses. The result may contain too many
    tables, because every word with the name of a table is included.
    """
    return frozenset(WORD.findall(sql)) & _tables()


@cache
def _tables() -> frozenset[str]:
    models = apps.get_models(include_auto_created=True)
    return frozenset(model._meta.db_table for model in models)


@lru_cache(maxsize=1000)
def writes_what_replicas_show(sql: str) -> bool:
    """Returns whether a SQL statement may change rows that pages read from replicas. Also returns
    True for a row lock, because the transaction will probably write.
    """
    if LOCKS.search(sql):
        return True
    written = set(WRITES.findall(sql))
    if written:
        return not written <= not_shown
    return not sql.lstrip().upper().startswith(HARMLESS)
