"""The views through which the web role reads accounts and people.

Note [Masks]: a page shows number and name of the other side of a payment, which stand in the same
rows as balances, addresses and password hashes. Policies hide rows, not columns. So the web role
has no right to these tables, but to views of the same names in a schema named as the role, where
Postgres looks first ("$user" of the default search_path): they show a column of MASKS only where
its condition holds, and NULL elsewhere. A third role owns the views, because a view reads with the
rights and policies of its owner. A view is no barrier to functions in a query: rows are hidden by
the policies below it, and a mask is part of the value that a function would see.
"""

from dataclasses import dataclass

from django.conf import settings
from django.db import connection
from django.db.backends.utils import CursorWrapper

from ledger.db.rights import EVERYTHING
from transactions.rights import LESS
from transactions.row_security.policies import (
    LOCKS_ACCOUNTS,
    PERSON,
    READS_DIRECTORY,
    READS_PEOPLE,
    SIGNS_IN,
)

IS_OWN = f"user_id = {PERSON}"
MONEY = f"{IS_OWN} OR {LOCKS_ACCOUNTS}"
PRIVATE = f"id = {PERSON} OR {READS_PEOPLE}"
STATE = f"{IS_OWN} OR {READS_DIRECTORY}"
# Table and column: the condition under which the web role sees the value.
MASKS = {
    "accounts": {
        **dict.fromkeys(
            "balance held overdraft_limit available transfer_limit daily_limit".split(), MONEY
        ),
        **dict.fromkeys("status last_entry_at created_at closed_at".split(), STATE),
    },
    "users": {
        **dict.fromkeys(
            "email password last_login is_superuser is_staff created_at household_id"
            " password_is_long session_version".split(),
            PRIVATE,
        ),
        "deleted_at": f"{PRIVATE} OR {READS_DIRECTORY}",
    },
}
# Columns that the web role changes in no scope but these: a condition on the scope.
RIGHTS = {"users": (("is_staff", "is_superuser", "household_id", "session_version"), SIGNS_IN)}


def owner_of_views() -> str:
    """The role that owns the views."""
    return f"{settings.LEDGER_WEB_ROLE}_rows"


def quoted_roles() -> tuple[str, str]:
    """The web role and the owner of its views, as SQL names them."""
    quote = connection.ops.quote_name
    return quote(settings.LEDGER_WEB_ROLE), quote(owner_of_views())


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a table; `default` is SQL, "" without one."""

    name: str
    default: str
    is_generated: bool


COLUMNS = """
    SELECT attname, coalesce(pg_get_expr(adbin, adrelid), ''), attgenerated <> ''
    FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""


def mask_views(cursor: CursorWrapper) -> list[str]:
    """The SQL that makes the views and gives the roles their rights."""
    web, rows = quoted_roles()
    result = [f"CREATE SCHEMA {web}", f"GRANT USAGE, CREATE ON SCHEMA {web} TO {rows}"]
    for table, masks in MASKS.items():
        cursor.execute(COLUMNS, [f"public.{table}"])
        result += _view(table, masks, [TableColumn(*row) for row in cursor.fetchall()])
    return [
        *result,
        f"REVOKE CREATE ON SCHEMA {web} FROM {rows}",
        f"GRANT USAGE ON SCHEMA {web} TO {web}",
    ]


def _view(table: str, masks: dict[str, str], columns: list[TableColumn]) -> list[str]:
    web, rows = quoted_roles()
    view, writes = f"{web}.{table}", f"row_security.write_{table}"
    shown = ", ".join(_value(one.name, masks) for one in columns)
    names = [one.name for one in columns if not one.is_generated]
    rights = LESS.get(table, EVERYTHING)
    return [
        f"GRANT {rights} ON public.{table} TO {rows}",
        f"CREATE VIEW {view} AS SELECT {shown} FROM public.{table}",  # noqa: S608 - names of columns
        *(
            f"ALTER VIEW {view} ALTER {one.name} SET DEFAULT {one.default}"
            for one in columns
            if one.default and not one.is_generated
        ),
        WRITES.format(
            function=writes,
            table=table,
            view=view,
            names=", ".join(names),
            values=", ".join(f"NEW.{name}" for name in names),
            guard=_guard(table),
        ),
        f"ALTER FUNCTION {writes}() OWNER TO {rows}",
        f"ALTER VIEW {view} OWNER TO {rows}",
        f"GRANT {rights} ON {view} TO {web}",
        f"REVOKE ALL ON public.{table} FROM {web}",
    ]


def _guard(table: str) -> str:
    """PL/pgSQL that refuses to change the columns of RIGHTS in other scopes."""
    if table not in RIGHTS:
        return ""
    names, scope = RIGHTS[table]
    old, new = (", ".join(f"{row}.{name}" for name in names) for row in ("OLD", "NEW"))
    return f"""IF ({old}) IS DISTINCT FROM ({new}) AND NOT {scope} THEN
        RAISE EXCEPTION 'permission denied for rights of people'
        USING ERRCODE = 'insufficient_privilege';
    END IF;"""


def _value(name: str, masks: dict[str, str]) -> str:
    return f"CASE WHEN {masks[name]} THEN {name} END AS {name}" if name in masks else name


# Postgres writes through a view only to columns without an expression, so triggers do it. An UPDATE
# names the columns that change and no others, because rights and triggers are by column.
WRITES = """
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    changes text;
    written bigint;
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO public.{table} ({names}) VALUES ({values}) RETURNING * INTO NEW;
        RETURN NEW;
    END IF;
    SELECT string_agg(format('%I = %L', key, wanted.value), ', ') INTO changes
    FROM jsonb_each_text(to_jsonb(NEW)) AS wanted
    JOIN jsonb_each_text(to_jsonb(OLD)) AS found USING (key)
    WHERE wanted.value IS DISTINCT FROM found.value;
    {guard}
    IF changes IS NOT NULL THEN
        EXECUTE format('UPDATE public.{table} SET %s WHERE id = %L', changes, OLD.id);
        GET DIAGNOSTICS written = ROW_COUNT;
        IF written = 0 THEN
            RETURN NULL;
        END IF;
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION {function}() FROM PUBLIC;
CREATE TRIGGER writes INSTEAD OF INSERT OR UPDATE ON {view}
FOR EACH ROW EXECUTE FUNCTION {function}();
"""
