"""The purposes for which pages read from a replica, and the tables that each purpose needs.

Note [Tables of a purpose]: a function that may read from a replica can later be changed to call
another function that checks a limit or a permission. So each statement is compared with the tables
of its purpose before it is sent. If it uses another table, the function runs on the writer.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from django.apps import apps
from django.db import DatabaseError

WORD = re.compile(r"\w+")
# Not the words of ON CONFLICT DO UPDATE SET.
WRITES = re.compile(r'\b(?:INSERT INTO|UPDATE|DELETE FROM|MERGE INTO)\s+(?!SET\b)"?(\w+)')
LOCKS = re.compile(r"\bFOR (?:NO KEY )?UPDATE\b")
# Statements that do not change rows, whatever follows the first word.
HARMLESS = (
    "SELECT", "(", "WITH", "SET", "SHOW", "EXPLAIN", "SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN",
    "COMMIT", "DECLARE", "FETCH", "CLOSE", "VALUES",
)  # fmt: skip
# Tables whose rows no page reads from a replica. After a write only to these tables, the session
# can still read from replicas. Apps add their tables.
not_shown: set[str] = set()


class NotForReplicas(DatabaseError):
    """An error for a statement that uses a table which its purpose does not list. The statement was
    not sent.
    """


@dataclass(frozen=True, slots=True)
class ReadPurpose:
    """One kind of page, and the tables that it may read from a replica. `tables` is None if a
    database role limits the tables instead.
    """

    name: str
    tables: frozenset[str] | None

    def check(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any
    ) -> Any:
        """Refuses statements for the writer, as an execute wrapper of Django.

        Raises NotForReplicas.
        """
        if self.tables is not None:
            others = tables_in(sql) - self.tables if isinstance(sql, str) else {"composed SQL"}
            if others:
                raise NotForReplicas(f"{self.name} may not read {', '.join(sorted(others))}")
        return execute(sql, params, many, context)


@lru_cache(maxsize=1000)
def tables_in(sql: str) -> frozenset[str]:
    """Returns the model tables that a statement contains. It may return too many, because any word
    counts.
    """
    return frozenset(WORD.findall(sql)) & _tables()


@cache
def _tables() -> frozenset[str]:
    models = apps.get_models(include_auto_created=True)
    return frozenset(model._meta.db_table for model in models)


@lru_cache(maxsize=1000)
def writes_what_replicas_show(sql: str) -> bool:
    """Returns whether a statement may change rows that pages read from replicas. A row lock counts
    too, because the transaction will probably write.
    """
    if LOCKS.search(sql):
        return True
    written = set(WRITES.findall(sql))
    if written:
        return not written <= not_shown
    return not sql.lstrip().upper().startswith(HARMLESS)
