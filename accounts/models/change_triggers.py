"""The triggers that write the history of changes.

Note [History by triggers]: they see every write, also bulk updates and raw SQL. They run with the
rights of the owner, so the web role needs no right to insert into `changes` and can forge no row.
django-pghistory would do less here. Its triggers obey `pgtrigger.ignore`, which any session can
set, and insert with the rights of whoever writes, so the web role could insert rows of its own. Its
context puts a second statement into the text of each write, which a prepared one cannot have.

The triggers of UPDATE name the columns that people change. A payment writes others of `accounts`, a
sign-in others of `users`: neither fires them.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pgtrigger

from ledger.db.triggers import CALLER, SESSION, FirmTrigger

# Tells the history that a password was set or removed, and nothing about it. Django writes "!" and
# random letters where there is none.
SET_ANEW = """
                IF TG_OP = 'UPDATE' AND OLD.password <> NEW.password
                   AND (left(OLD.password, 1) <> '!' OR left(NEW.password, 1) <> '!') THEN
                    before := before || '{"password": null}';
                    after := after || jsonb_build_object('password', CASE left(NEW.password, 1)
                        WHEN '!' THEN 'removed' ELSE 'set anew' END);
                END IF;"""


# For times: without it, the text of one would depend on the time zone of the session.
IN_UTC = """to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""


@dataclass(frozen=True, slots=True)
class RecordedTable:
    """What the history has of a table: the SQL of each value, and of the id that it is about."""

    name: str
    values: Mapping[str, str]
    about: str

    @property
    def looked_up(self) -> list[str]:
        """Names of what other tables say, such as of a group: they may change without this row."""
        return [name for name, sql in self.values.items() if "SELECT" in sql]

    def about_of(self, row: str) -> str:
        """The SQL of the id of the object to whose history a row belongs."""
        return f"({self.about.replace('{row}', row)})::text"

    def state_of(self, row: str) -> str:
        """The SQL of the values of a row, as a JSON object."""
        return _object(row, self.values)

    def own_state_of(self, row: str, without: Collection[str] = ()) -> str:
        """The same without what other tables say, and without some values."""
        left_out = {*self.looked_up, *without}
        own = {name: sql for name, sql in self.values.items() if name not in left_out}
        return _object(row, own)


RECORDED_TABLES: dict[str, RecordedTable] = {}  # by name


def _object(row: str, values: Mapping[str, str]) -> str:
    """The SQL of a JSON object; `{row}` in the values is OLD or NEW."""
    parts = ", ".join(f"'{name}', {sql.replace('{row}', row)}" for name, sql in values.items())
    return f"jsonb_build_object({parts})"


def _insert(action: str, about: str, before: str, after: str) -> str:
    """PL/pgSQL that writes one row of the history."""
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
    """The trigger that records INSERT, DELETE and, if `columns` are given, UPDATE OF them.

    `values` maps the names in the history to the SQL of their values; `about` is the SQL of the id
    of the object whose history this belongs to. A row that moves to another object is recorded as
    removed there and added here. The audit compares the values of each row with its history, so a
    new value needs a migration that notes its state: see `accounts.models.state`.
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
                {SET_ANEW if password else ""}
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
