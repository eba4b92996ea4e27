"""The triggers that write the history of changes.

Note [History by triggers]: they see every write, also bulk updates and raw SQL. They run with the
rights of the owner, so the web role needs no right to insert into `changes` and can forge no row.
django-pghistory would do less here. Its triggers obey `pgtrigger.ignore`, which any session can
set, and insert with the rights of whoever writes, so the web role could insert rows of its own. Its
context puts a second statement into the text of each write, which a prepared one cannot have.

The triggers of UPDATE name the columns that people change. A payment writes others of `accounts`, a
sign-in others of `users`: neither fires them.
"""

from collections.abc import Mapping

import pgtrigger

from ledger.db.facts import SETTING
from ledger.db.triggers import CALLER, SESSION, FirmTrigger

# Tells the history that a password was set, and nothing about it.
SET_ANEW = """
                IF TG_OP = 'UPDATE' AND OLD.password <> NEW.password THEN
                    before := before || '{"password": null}';
                    after := after || '{"password": "set anew"}';
                END IF;"""


def _object(row: str, values: Mapping[str, str]) -> str:
    """The SQL of a JSON object; `{row}` in the values is OLD or NEW."""
    parts = ", ".join(f"'{name}', {sql.replace('{row}', row)}" for name, sql in values.items())
    return f"jsonb_build_object({parts})"


def recorded(
    table: str,
    values: Mapping[str, str],
    *columns: str,
    about: str = "{row}.id",
    password: bool = False,
) -> list[pgtrigger.Trigger]:
    """The trigger that records INSERT, DELETE and, if `columns` are given, UPDATE OF them.

    `values` maps the names in the history to the SQL of their values; `about` is the SQL of the id
    of the object whose history this belongs to.
    """
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
                ("about", "text"),
            ],
            func=f"""
                IF TG_OP <> 'INSERT' THEN
                    before := {_object("OLD", values)};
                    about := {about.replace("{row}", "OLD")};
                END IF;
                IF TG_OP <> 'DELETE' THEN
                    after := {_object("NEW", values)};
                    about := {about.replace("{row}", "NEW")};
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
                facts := nullif(current_setting('{SETTING}', true), '')::jsonb;
                INSERT INTO changes (id, changed_at, table_name, about, action, before, after,
                    person_id, address, path, request, reason, role, session)
                VALUES (gen_random_uuid(), clock_timestamp(), '{table}', about, lower(TG_OP),
                    before, after, (facts ->> 'person')::uuid,
                    coalesce(facts ->> 'address', ''), coalesce(facts ->> 'path', ''),
                    coalesce(facts ->> 'request', ''), coalesce(facts ->> 'reason', ''),
                    {CALLER},
                    {SESSION});
                RETURN NULL;
            """,
        )
    ]
