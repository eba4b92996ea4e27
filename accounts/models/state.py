"""Records the current state of rows in the history, so that the audit can compare rows with their
history.
"""

from collections.abc import Iterable

from django.db.backends.utils import CursorWrapper

from accounts.models.change_triggers import RECORDED_TABLES, RecordedTable

NOTED = "noted"
WHY = "The state at this time. The audit checks the changes since then."


def note_state(cursor: CursorWrapper, tables: Iterable[str] = ()) -> None:
    """Writes one history row for every current row of `tables` (default: all recorded tables). The
    audit compares each table with its history since the last such state.

    Use this function for a database whose history was emptied. A migration contains the SQL of
    `state_sql` as text, because later code may record more columns. Only the owner of the tables
    can call this.
    """
    for name in tables or sorted(RECORDED_TABLES):
        cursor.execute(state_sql(RECORDED_TABLES[name]))


def state_sql(table: RecordedTable) -> str:
    """Returns the SQL that records the state of one table. All rows of one run have the same
    `request`.
    """
    return f"""
    INSERT INTO changes (id, changed_at, table_name, about, action, before, after,
        address, path, request, reason, role, session)
    SELECT gen_random_uuid(), clock_timestamp(), '{table.name}', {table.about_of("one")},
           '{NOTED}', NULL, {table.state_of("one")}, '', 'manage.py migrate',
           (SELECT gen_random_uuid()::text), '{WHY}',
           current_user, pg_backend_pid()::text
    FROM {table.name} AS one"""  # noqa: S608 - constants
