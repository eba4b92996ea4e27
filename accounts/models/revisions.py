"""Records the current state of rows in append-only tables, for migrations and for rows that cannot
be restored. See Note [Register of rows].
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import connection, models
from django.db import transaction as db_transaction

from accounts.models.register import RowRemoval
from ledger.db.history.register import digest_of, id_of, is_registered, known_digest

ADDED = "A column was added: {}"


def known(table: str) -> str:
    """Returns the SQL that selects row_id, registered_at, about and digest of a table's registered
    rows. If a row has revisions, the digest comes from the newest revision.
    """
    return f"""SELECT noted.row_id, noted.registered_at, noted.about,
               coalesce(revised.digest, noted.digest) AS digest
        FROM row_register AS noted
        LEFT JOIN (
            SELECT DISTINCT ON (row_id) row_id, digest FROM row_revisions
            WHERE table_name = '{table}' ORDER BY row_id, number DESC
        ) AS revised USING (row_id)
        WHERE noted.table_name = '{table}'"""  # noqa: S608 - a constant


def removed_by_right(table: str) -> str:
    """Returns the SQL condition that the registered row `known` of a table was deleted
    legitimately. The SQL has one parameter, `margin`: the maximum clock difference between a row
    and its entry in the register.
    """
    of_table = f"FROM row_removals WHERE table_name = '{table}'"
    return f"""(known.registered_at < (SELECT max(removed_before) + %(margin)s::interval {of_table})
                OR known.row_id IN (SELECT unnest(row_ids) {of_table})) IS TRUE"""


def note_removal(
    model: type[models.Model],
    why: str,
    *,
    ids: Iterable[object] = (),
    before: datetime | None = None,
) -> None:
    """Records that rows of a registered table are deleted legitimately: the rows with these `ids`,
    or all rows before the time `before`. Only the owner of the tables can call this.
    """
    if is_registered(model) and ((row_ids := [str(each) for each in ids]) or before):
        RowRemoval.objects.create(
            table_name=model._meta.db_table, removed_before=before, row_ids=row_ids, reason=why
        )


def new_columns_sql(model: type[models.Model], *columns: str) -> str:
    """Returns the SQL that a migration must run after it has added columns to a registered table.
    The SQL records new digests. It skips rows that did not match the register before, so the audit
    still reports them.

    Copy the text into RunSQL. If the migration called this function, a later version of the code
    could return SQL with more columns.
    """
    intact = f"known.digest = {digest_of(model, 'one', without=columns)}"
    return _revise(model, f"'{ADDED.format(', '.join(columns))}'", intact)


def accept_rows(model: type[models.Model], ids: Iterable[object], reason: str) -> int:
    """Records, with a reason, that these rows are accepted in their current state. Returns the
    number of registered rows. Use this for edited rows that are in no backup. Only the owner of the
    tables can call this.
    """
    sql = _revise(model, "%s", f"{id_of(model, 'one')} = ANY (%s)")
    with db_transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, [reason, [str(each) for each in ids]])
        return int(cursor.rowcount)


@contextmanager
def noting_rows(model: type[models.Model], ids: Collection[Any], reason: str) -> Iterator[None]:
    """Records, with a reason, revisions of the rows with these ids that the block has changed.
    Skips rows that did not match the register before the block, and rows for which a trigger has
    already recorded a revision. Only the owner of the tables can call this. The call must be inside
    a database transaction.
    """
    if not is_registered(model):
        yield
        return
    intact = _intact(model, ids)
    yield
    if changed := intact - _intact(model, intact):
        sql = _note(model, "%s", f'WHERE one."{model._meta.pk.column}" = ANY (%s)')
        with connection.cursor() as cursor:
            cursor.execute(sql, [reason, [*changed]])


def _intact(model: type[models.Model], ids: Collection[Any]) -> set[Any]:
    """Returns the ids of the rows that match the register or their newest revision."""
    table, key = model._meta.db_table, model._meta.pk.column
    sql = f"""
        SELECT one."{key}" FROM {table} AS one
        WHERE one."{key}" = ANY (%s)
          AND {digest_of(model, "one")} = {known_digest(f"'{table}'", id_of(model, "one"))}
        """  # noqa: S608 - constants
    with connection.cursor() as cursor:
        cursor.execute(sql, [[*ids]])
        return {key for (key,) in cursor.fetchall()}


def _revise(model: type[models.Model], reason: str, condition: str) -> str:
    """Returns SQL that inserts revisions for the registered rows `one` for which the condition is
    true.
    """
    registered = f"JOIN ({known(model._meta.db_table)}) AS known"
    same_row = f"known.row_id = {id_of(model, 'one')}"
    return _note(model, reason, f"{registered} ON {same_row} WHERE {condition}")


def _note(model: type[models.Model], reason: str, which: str) -> str:
    """Returns SQL that inserts revisions with the current state of rows `one` of the table. `which`
    is the SQL that selects the rows.
    """
    table = model._meta.db_table
    return f"""
    INSERT INTO row_revisions (table_name, row_id, digest, reason, revised_at, role, session)
    SELECT '{table}', {id_of(model, "one")}, {digest_of(model, "one")}, {reason},
           clock_timestamp(), current_user, pg_backend_pid()::text
    FROM {table} AS one {which}"""  # noqa: S608 - constants
