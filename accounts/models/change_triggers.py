"""The triggers that write the history of changes.

Note [History by triggers]: triggers record every write, including bulk updates and raw SQL. The
triggers run with the rights of the table owner, so the web role needs no right to insert into
`changes` and cannot forge rows. django-pghistory does not ensure this. The triggers of
django-pghistory obey `pgtrigger.ignore`, which any session can set. They insert with the rights of
the role that writes, so the web role could insert rows. They also need a second SQL statement for
each write, which is impossible in a prepared statement.

UPDATE triggers list only the columns that people change. So a payment does not fire the triggers of
`accounts`, and a sign-in does not fire the triggers of `users`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pgtrigger

from ledger.db.triggers import CALLER, SESSION, FirmTrigger

# Records that a password was set or removed, but not the password or its hash. Django stores "!"
# and random letters for an unusable password.
RECORD_NEW_HASH = """
                IF TG_OP = 'UPDATE' AND OLD.password <> NEW.password
                   AND (left(OLD.password, 1) <> '!' OR left(NEW.password, 1) <> '!') THEN
                    before := before || '{"password": null}';
                    after := after || jsonb_build_object('password', CASE left(NEW.password, 1)
                        WHEN '!' THEN 'removed' ELSE 'set anew' END);
                END IF;"""


# Formats times, because their usual text depends on the time zone of the session.
IN_UTC = """to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""


@dataclass(frozen=True, slots=True)
class RecordedTable:
    """A table with a history. `values` maps the name of each recorded value to its SQL. `about` is
    the SQL of the id of the object whose history contains the row.
    """

    name: str
    values: Mapping[str, str]
    about: str

    @property
    def looked_up(self) -> list[str]:
        """The names of values that come from other tables, such as the name of a group. Such a
        value can change although the row does not change.
        """
        return [name for name, sql in self.values.items() if "SELECT" in sql]

    def about_of(self, row: str) -> str:
        """Returns the SQL of the id of the object whose history contains this row."""
        return f"({self.about.replace('{row}', row)})::text"

    def state_of(self, row: str) -> str:
        """Returns the SQL of the values of this row, as a JSON object."""
        return _object(row, self.values)

    def own_state_of(self, row: str, without: Collection[str] = ()) -> str:
        """Returns the SQL of the values of this row, as a JSON object. Excludes values from other
        tables and the values in `without`.
        """
        left_out = {*self.looked_up, *without}
        own = {name: sql for name, sql in self.values.items() if name not in left_out}
        return _object(row, own)


RECORDED_TABLES: dict[str, RecordedTable] = {}  # by name


def _object(row: str, values: Mapping[str, str]) -> str:
    """Returns the SQL of a JSON object. `{row}` in the values is replaced by `row`, which is OLD,
    NEW or an alias.
    """
    parts = ", ".join(f"'{name}', {sql.replace('{row}', row)}" for name, sql in values.items())
    return f"jsonb_build_object({parts})"


def _insert(action: str, about: str, before: str, after: str) -> str:
    """Returns PL/pgSQL that inserts one row into the history."""
    return f"""
                INSERT INTO changes (id, changed_at, table_name, about, action, before, after,
                    person_id, address, path, request, reason, role, session, proved)
                VALUES (gen_random_uuid(), clock_timestamp(), TG_TABLE_NAME, {about}, {action},
                    {before}, {after}, (facts ->> 'person')::uuid,
                    coalesce(facts ->> 'address', ''), coalesce(facts ->> 'path', ''),
                    coalesce(facts ->> 'request', ''), coalesce(facts ->> 'reason', ''),
                    {CALLER},
                    {SESSION}, (facts ->> 'proved')::boolean);"""


def recorded(
    table: str,
    values: Mapping[str, str],
    *columns: str,
    about: str = "{row}.id",
    password: bool = False,
) -> list[pgtrigger.Trigger]:
    """Returns the trigger that records inserts, deletes, and updates of `columns`.

    `values` maps the names in the history to the SQL of their values. `about` is the SQL of the id
    of the object whose history contains the row. If a row is moved to another object, the history
    of the old object records a delete, and the history of the new object records an insert. The
    audit compares the values of each row with its history. So if a value is added to `values`, a
    migration must record the current state of this value: see `accounts.models.state`.
    """
    of = RECORDED_TABLES[table] = RecordedTable(table, values, about)
    operation: pgtrigger.Operation = pgtrigger.Insert | pgtrigger.Delete
    if columns:
        operation |= pgtrigger.UpdateOf(*columns)  # type: ignore[no-untyped-call]
    return [
        FirmTrigger(
            name="change_is_recorded",
            when=pgtrigger.After,
            operation=operation,
            definer=True,
            declare=[
                ("before", "jsonb"),
                ("after", "jsonb"),
                ("facts", "jsonb"),
                ("was_about", "text"),
                ("is_about", "text"),
            ],
            func=f"""
                facts := told_facts();
                IF TG_OP <> 'INSERT' THEN
                    before := {of.state_of("OLD")};
                    was_about := {of.about_of("OLD")};
                END IF;
                IF TG_OP <> 'DELETE' THEN
                    after := {of.state_of("NEW")};
                    is_about := {of.about_of("NEW")};
                END IF;
                IF TG_OP = 'UPDATE' AND was_about <> is_about THEN
                    {_insert("'delete'", "was_about", "before", "NULL")}
                    {_insert("'insert'", "is_about", "NULL", "after")}
                    RETURN NULL;
                END IF;
                {RECORD_NEW_HASH if password else ""}
                IF TG_OP = 'UPDATE' THEN
                    SELECT jsonb_object_agg(key, value), jsonb_object_agg(key, after -> key)
                    INTO before, after
                    FROM jsonb_each(before) WHERE value IS DISTINCT FROM after -> key;
                    IF before IS NULL THEN
                        RETURN NULL;
                    END IF;
                END IF;
                {_insert("lower(TG_OP)", "coalesce(is_about, was_about)", "before", "after")}
                RETURN NULL;
            """,
        )
    ]
