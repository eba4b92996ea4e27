"""The views through which the web role reads accounts and people.

Note [Masks]: a page shows the number and the name of the other side of a payment. The number and
the name are in the same rows as balances, addresses and password hashes. Policies hide rows, but
not columns. So the web role has no rights to these tables, only to views with the same names. The
views are in a schema with the name of the role, where Postgres looks first ("$user" in the default
search_path). For a column in MASKS, a view contains the value only if the condition of the column
is true, otherwise NULL.

A third role owns the views, because a view reads with the rights and policies of its owner. A
function in a query may read a row of a view before the condition of the view is checked. This is
safe here: the policies of the tables hide rows, and a function sees only masked values.
"""

from dataclasses import dataclass

from django.conf import settings
from django.db import connection
from django.db.backends.utils import CursorWrapper

from accounts.models import SETTINGS
from ledger.db.rights.policies import (
    ACCOUNTS,
    AUDITS,
    GIVES_GROUPS,
    LOCKS_ACCOUNTS,
    LOOKS_AFTER_PEOPLE,
    PERSON,
    READS_BANK,
    READS_DIRECTORY,
    READS_PEOPLE,
    SIGNS_IN,
    may,
)
from ledger.db.rights.registered_tables import TABLES

IS_OWN = f"user_id = {PERSON}"
MONEY = f"{IS_OWN} OR {LOCKS_ACCOUNTS}"
PRIVATE = f"id = {PERSON} OR {READS_PEOPLE}"
SIGN_IN = f"id = {PERSON} OR {SIGNS_IN} OR {may()}"  # superusers
STATE = f"{IS_OWN} OR {READS_DIRECTORY}"
# The audit compares the whole row of an account with its history, so it reads the settings too.
CHOSEN = f"{IS_OWN} OR {AUDITS}"
# For each table and column, the condition under which the web role sees the value.
MASKS = {
    "accounts": {
        **dict.fromkeys(
            "balance held overdraft_limit available transfer_limit daily_limit".split(), MONEY
        ),
        **dict.fromkeys("status last_entry_at created_at closed_at".split(), STATE),
        **dict.fromkeys(SETTINGS.keys() - {"name"}, CHOSEN),
    },
    "users": {
        **dict.fromkeys(
            "email last_login is_superuser is_staff created_at household_id"
            " password_is_long session_version".split(),
            PRIVATE,
        ),
        "password": SIGN_IN,
        "deleted_at": f"{PRIVATE} OR {READS_DIRECTORY}",
    },
    # Only the holder of the account sees the balance after a payment.
    "transactions": {
        f"{side}_balance": f"{side}_account_id = ANY ({ACCOUNTS}) OR {READS_BANK}"
        for side in ("from", "to")
    },
    "entries": {"balance": f"account_id = ANY ({ACCOUNTS}) OR {READS_BANK}"},
}
# Columns that need another condition for a change, see `_guard`.
GUARDED = {
    "users": (
        # Members of this group become staff when they sign in, if the identity provider assigns the
        # group.
        (("is_staff",), f"{GIVES_GROUPS} OR {SIGNS_IN} AND row_security.has_provider()"),
        (("is_superuser", "household_id", "session_version"), GIVES_GROUPS),
        (("password", "password_is_long"), f"OLD.{SIGN_IN}"),
        (("email",), f"OLD.id = {PERSON} OR {may()}"),
        (("deleted_at",), f"OLD.id = {PERSON} OR {LOOKS_AFTER_PEOPLE}"),
    )
}
# Views without triggers for writes. Rows are inserted directly into the table, so that one SQL
# statement can insert many rows. The web role may read all columns of the table except the masked
# columns.
WRITTEN_BELOW = ("transactions",)
READ_ONLY = ("entries",)


def owner_of_views() -> str:
    """Returns the name of the role that owns the views."""
    return f"{settings.LEDGER_WEB_ROLE}_rows"


def quoted_roles() -> tuple[str, str]:
    """Returns the names of the web role and of the owner of its views, both quoted for SQL."""
    quote = connection.ops.quote_name
    return quote(settings.LEDGER_WEB_ROLE), quote(owner_of_views())


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a table. `default` is an SQL expression, or "" without a default."""

    name: str
    default: str
    is_generated: bool


COLUMNS = """
    SELECT attname, coalesce(pg_get_expr(adbin, adrelid), ''), attgenerated <> ''
    FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""


# Tables that triggers read with the rights of the views' owner. If such a right is missing, the
# error may appear only later in a session, when Postgres makes a generic plan for the trigger's
# expression. Earlier plans use the actual values, so they skip the rest of the expression if the
# limit is zero.
READ_BY_TRIGGERS = ("approval_thresholds",)


def mask_views(cursor: CursorWrapper) -> list[str]:
    """Returns the SQL that creates the views and grants rights to the roles."""
    web, rows = quoted_roles()
    result = [f"CREATE SCHEMA {web}", f"GRANT USAGE, CREATE ON SCHEMA {web} TO {rows}"]
    result += [f"GRANT SELECT ON public.{table} TO {rows}" for table in READ_BY_TRIGGERS]
    for table, masks in MASKS.items():
        columns = columns_of(cursor, table)
        result += _view(table, _source(cursor, table), masks, columns)
        result += [] if table in (*WRITTEN_BELOW, *READ_ONLY) else _writes(table, columns)
        result += [f"ALTER VIEW {web}.{table} OWNER TO {rows}"]
        result += [f"GRANT {TABLES[table].web} ON {web}.{table} TO {web}"]
    return [
        *result,
        f"REVOKE CREATE ON SCHEMA {web} FROM {rows}",
        f"GRANT USAGE ON SCHEMA {web} TO {web}",
    ]


def columns_of(cursor: CursorWrapper, table: str) -> list[TableColumn]:
    """Returns the columns of a table or view in the order of their definition."""
    cursor.execute(COLUMNS, [f"public.{table}"])
    return [TableColumn(*row) for row in cursor.fetchall()]


def rights_below(cursor: CursorWrapper) -> list[str]:
    """Returns the SQL that revokes all rights of the web role to the tables behind the views. For
    tables in WRITTEN_BELOW, the SQL grants INSERT, and SELECT on columns that are not masked.
    """
    web, _rows = quoted_roles()
    result = [f"REVOKE ALL ON public.{table} FROM {web}" for table in MASKS]
    for table in WRITTEN_BELOW:
        seen = [one.name for one in columns_of(cursor, table) if one.name not in MASKS[table]]
        result += [f"GRANT SELECT ({', '.join(seen)}), INSERT ON public.{table} TO {web}"]
    return result


def _source(cursor: CursorWrapper, table: str) -> str:
    """Returns the SQL for the FROM clause of the view: the table, or the query of an existing view.

    The query of an existing view is copied. A view with `security_invoker` inside another view
    would need the rights of the reader.
    """
    if table not in READ_ONLY:
        return f"public.{table}"
    cursor.execute("SELECT rtrim(pg_get_viewdef(%s::regclass), ';')", [f"public.{table}"])
    return f"({cursor.fetchone()[0]}) AS {table}"


def _view(table: str, source: str, masks: dict[str, str], columns: list[TableColumn]) -> list[str]:
    web, rows = quoted_roles()
    shown = ", ".join(_value(one.name, masks) for one in columns)
    return [
        f"GRANT {TABLES[table].web} ON public.{table} TO {rows}",
        f"CREATE VIEW {web}.{table} AS SELECT {shown} FROM {source}",  # noqa: S608 - names of columns
    ]


def _writes(table: str, columns: list[TableColumn]) -> list[str]:
    """Returns the SQL for the triggers that write the changes of a view to the table."""
    web, rows = quoted_roles()
    view, function = f"{web}.{table}", f"row_security.write_{table}"
    names = [one.name for one in columns if not one.is_generated]
    return [
        *(
            f"ALTER VIEW {view} ALTER {one.name} SET DEFAULT {one.default}"
            for one in columns
            if one.default and not one.is_generated
        ),
        WRITES.format(
            function=function,
            table=table,
            view=view,
            names=", ".join(names),
            values=", ".join(f"NEW.{name}" for name in names),
            guard=_guard(table),
        ),
        f"ALTER FUNCTION {function}() OWNER TO {rows}",
    ]


def _guard(table: str) -> str:
    """Returns PL/pgSQL code for a trigger. It raises an error if a reader changes a column in
    GUARDED and does not have the right to change it.
    """
    return "".join(
        f"""
    IF ({_of_row("OLD", names)}) IS DISTINCT FROM ({_of_row("NEW", names)}) AND NOT ({who}) THEN
        RAISE EXCEPTION 'permission denied for {", ".join(names)} of {table}'
        USING ERRCODE = 'insufficient_privilege';
    END IF;"""
        for names, who in GUARDED.get(table, ())
    )


def _of_row(row: str, names: tuple[str, ...]) -> str:
    return ", ".join(f"{row}.{name}" for name in names)


def _value(name: str, masks: dict[str, str]) -> str:
    return f"CASE WHEN {masks[name]} THEN {name} END AS {name}" if name in masks else name


# Postgres itself can write through a view only to columns without an expression. So triggers write
# the changes. The UPDATE contains only the changed columns, because rights and triggers depend on
# the columns.
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
