"""What may be read from a replica: a purpose, and the tables that it needs.

Note [Tables of a purpose]: a function that pages let read from a replica may come to call another
one that checks a limit or a permission. So each statement is compared with the tables of its
purpose before it is sent, and the writer answers one that names another table.
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
# Statements that change no row, whatever follows.
HARMLESS = (
    "SELECT", "(", "WITH", "SET", "SHOW", "EXPLAIN", "SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN",
    "COMMIT", "DECLARE", "FETCH", "CLOSE", "VALUES",
)  # fmt: skip
# Tables whose rows no page reads from a replica; a write to one of them alone keeps the session's
# reads there. Apps add theirs.
not_shown: set[str] = set()


class NotForReplicas(DatabaseError):
    """A statement names a table that its purpose does not have; it was not sent."""


@dataclass(frozen=True, slots=True)
class ReadPurpose:
    """One kind of page, and the tables that it may read from a replica; None for any of them, where
    a database role sees to it.
    """

    name: str
    tables: frozenset[str] | None

    def check(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any
    ) -> Any:
        """An execute wrapper of Django's that refuses statements for the writer.

        Raises NotForReplicas.
        """
        if self.tables is not None:
            others = tables_in(sql) - self.tables if isinstance(sql, str) else {"a composed one"}
            if others:
                raise NotForReplicas(f"{self.name} may not read {', '.join(sorted(others))}")
        return execute(sql, params, many, context)


@lru_cache(maxsize=1000)
def tables_in(sql: str) -> frozenset[str]:
    """The tables of models that a statement names, and perhaps more: any word counts."""
    return frozenset(WORD.findall(sql)) & _tables()


@cache
def _tables() -> frozenset[str]:
    models = apps.get_models(include_auto_created=True)
    return frozenset(model._meta.db_table for model in models)


@lru_cache(maxsize=1000)
def writes_what_replicas_show(sql: str) -> bool:
    """Whether a statement may change rows of tables that pages read from replicas. A lock counts:
    the transaction goes on to write.
    """
    if LOCKS.search(sql):
        return True
    written = set(WRITES.findall(sql))
    if written:
        return not written <= not_shown
    return not sql.lstrip().upper().startswith(HARMLESS)
