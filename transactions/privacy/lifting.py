"""Writes rows that never change otherwise, without making others wait for long.

Note [Lifted triggers]: only the owner of the tables may lift their triggers, and no other session
can write these tables until the transaction ends. So what changes is found before, without a lock,
and the rest is done with_short_waits: see Note [Short waits].
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from ledger.db.short_waits import with_short_waits

PART = 2000  # rows that change while others wait

OTHER_TRIGGERS = """SELECT quote_ident(tgname) FROM pg_trigger
    WHERE tgrelid = %s::regclass AND NOT tgisinternal
      AND tgname NOT LIKE ALL (ARRAY['%%row_is_registered%%', '%%row_is_revised%%'])"""


@contextmanager
def triggers_lifted(*tables: str) -> Iterator[None]:
    """Lifts the triggers of tables whose rows never change, but not those that register rows and
    note what becomes of them. See Note [Lifted triggers].
    """
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with deferred checks is in use
        for table in tables:
            cursor.execute(OTHER_TRIGGERS, [table])
            for (trigger,) in cursor.fetchall():
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
        yield
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def delete_in_parts(old: QuerySet[Any], note: Callable[[], None]) -> int:
    """Deletes rows that never change otherwise, so that others wait for a part of them at most.
    `note` writes down why, in the transaction of the first part.
    """
    deleted = 0

    def delete_part() -> None:
        with triggers_lifted(old.model._meta.db_table):
            if not deleted:
                note()
            old.model._default_manager.filter(pk__in=part).delete()

    while part := list(old.values_list("pk", flat=True)[:PART]):
        with_short_waits(delete_part)
        deleted += len(part)
    return deleted


def change_in_parts(
    table: str, ids: Sequence[Any], change: Callable[[Sequence[Any]], object]
) -> None:
    """Calls `change` with a part of the ids after the other, each in a database transaction with
    the triggers of the table lifted, so that others wait for a part at most.
    """

    def change_part(part: Sequence[Any]) -> None:
        with triggers_lifted(table):
            change(part)

    for start in range(0, len(ids), PART):
        with_short_waits(partial(change_part, ids[start : start + PART]))
