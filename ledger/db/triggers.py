"""Triggers that no session can switch off.

A django-pgtrigger trigger first checks the setting `pgtrigger.ignore`, which every session may
change. Injected SQL could use this setting to bypass the trigger. A `FirmTrigger` does not check
this setting. Only the owner of the table can disable the trigger, with ALTER TABLE.

With `deferred`, the function runs at COMMIT, once for each row. With `definer`, the function runs
with the rights of the tables' owner. The `search_path` of such a function starts with `public` and
ends with `pg_temp`, so that temporary tables of the caller cannot hide the real tables.
"""

from hashlib import sha1
from typing import Any, ClassVar, Literal

from django.db import models
from pgtrigger import (
    Before,
    Delete,
    Operation,
    Statement,
    Trigger,
    Truncate,
    Update,
    compiler,
)

from ledger.db.sql_in_migrations import Sql, one_line

Kind = Literal["", "definer", "deferred"]


# For functions that run with the rights of the owner: the role of the caller, and the caller's
# session.
CALLER = "coalesce(nullif(current_setting('role'), 'none'), session_user)"
SESSION = "pg_backend_pid() || coalesce(' at ' || host(inet_client_addr()), '')"

# SQL for whether the role that runs the statement has the rights of the table's owner, as in
# migrations and commands. The result is false in web processes and in the worker. TRUSTS_USER is
# for functions that run with the rights of the caller. TRUSTS_CALLER is for functions that run with
# the rights of the owner. In these functions `current_user` is the owner, and the setting `role`
# still contains the caller.
_HAS_OWNER_RIGHTS = (
    "pg_catalog.pg_has_role({}, (SELECT relowner FROM pg_catalog.pg_class WHERE oid = TG_RELID),"
    " 'USAGE')"
)
TRUSTS_USER = _HAS_OWNER_RIGHTS.format("current_user")
TRUSTS_CALLER = _HAS_OWNER_RIGHTS.format(f"({CALLER})::name")


class FirmTriggerSql(compiler.UpsertTriggerSql):
    """The SQL of a trigger without `pgtrigger.ignore`, and of the trigger's function.

    The trigger and the function have the same name: the trigger's name and a digest of the table's
    name. Postgres runs the triggers of a table in the order of these names. The comment on the
    trigger is a digest of the SQL without its layout.
    """

    # The rights with which the function runs. The right to execute a definer's function is revoked,
    # because a role with this right could use the function for a trigger on its own table, with any
    # rows.
    RIGHTS: ClassVar[dict[Kind, str]] = {
        "": "",
        "deferred": "",
        "definer": " SECURITY DEFINER SET search_path = public, pg_temp;"
        " REVOKE ALL ON FUNCTION {pgid}() FROM PUBLIC",
    }

    def __init__(self, *, kind: Kind, name: str, **parts: str) -> None:
        self.kind = kind
        pgid = pgid_of(name, parts["table"])
        super().__init__(pgid=pgid, **parts)
        self.hash = sha1(one_line(self._filled("")).encode(), usedforsecurity=False).hexdigest()
        self.data = self._filled(self.hash)

    def _filled(self, digest: str) -> str:
        parts = {**self.defaults, **self.kwargs, "table": f'"{self.table}"', "hash": digest}
        return self.get_template().format(**parts)

    def get_template(self) -> str:
        constraint, deferred = (
            ("CONSTRAINT", "DEFERRABLE INITIALLY DEFERRED") if self.kind == "deferred" else ("", "")
        )
        return f"""
            CREATE OR REPLACE FUNCTION {{pgid}}()
            RETURNS TRIGGER AS $$
                {{declare}}
                BEGIN
                    {{func}}
                END;
            $$ LANGUAGE plpgsql{self.RIGHTS[self.kind]};

            DROP TRIGGER IF EXISTS {{pgid}} ON {{table}};
            CREATE {constraint} TRIGGER {{pgid}}
                {{when}} {{operation}} ON {{table}}
                {deferred} {{referencing}} FOR EACH {{level}} {{condition}}
                EXECUTE FUNCTION {{pgid}}();

            COMMENT ON TRIGGER {{pgid}} ON {{table}} IS '{{hash}}';
        """


def pgid_of(name: str, table: str) -> str:
    """Returns the name that the trigger and its function have in Postgres."""
    return f"pgtrigger_{name}_{sha1(table.encode(), usedforsecurity=False).hexdigest()[:5]}"


class FixedTrigger(compiler.Trigger):
    """A trigger as SQL, in the form that migrations contain. `kind` is "definer", "deferred" or "".

    Two triggers with the same SQL are equal, even if the layout differs. Uninstalling a trigger
    also drops its function.
    """

    sql: FirmTriggerSql

    def __init__(self, *, name: str, kind: Kind = "", **parts: str) -> None:
        super().__init__(name=name, sql=FirmTriggerSql(kind=kind, name=name, **parts))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FixedTrigger) and (self.name, self.hash) == (
            other.name,
            other.hash,
        )

    def __hash__(self) -> int:
        return hash((self.name, self.hash))

    @property
    def uninstall_sql(self) -> str:
        return f"{super().uninstall_sql} DROP FUNCTION IF EXISTS {self.sql.pgid}();"

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        parts: dict[str, Any] = {"name": self.name}
        if self.sql.kind:
            parts["kind"] = self.sql.kind
        for part in ("table", "when", "operation", "level", "referencing"):
            if (text := self.sql.kwargs.get(part, "")) != self.sql.defaults.get(part, ""):
                parts[part] = one_line(text)
        for part in ("condition", "declare", "func"):
            if text := self.sql.kwargs.get(part, ""):
                parts[part] = Sql(text)
        return f"{__name__}.FixedTrigger", [], parts


class FirmTrigger(Trigger):
    """A django-pgtrigger trigger that sessions cannot switch off."""

    name: str

    def __init__(self, *, definer: bool = False, deferred: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind: Kind = "deferred" if deferred else "definer" if definer else ""

    def get_pgid(self, model: models.Model) -> str:
        return pgid_of(self.name, model._meta.db_table)

    def compile(self, model: models.Model) -> FixedTrigger:
        return FixedTrigger(
            name=self.name,
            kind=self.kind,
            declare=self.render_declare(model),
            func=self.render_func(model),
            table=model._meta.db_table,
            when=str(self.when),
            operation=str(self.operation),
            level=str(self.level),
            condition=self.render_condition(model),
            referencing=str(self.referencing or ""),
        )


def refuse(name: str, message: str) -> str:
    """Returns PL/pgSQL code that raises a check violation (SQLSTATE 23514) of the constraint
    `name`.
    """
    quoted = message.replace("'", "''").replace("%", "%%")
    return (
        f"RAISE EXCEPTION '{quoted}' USING ERRCODE = 'check_violation', "
        f"CONSTRAINT = '{name}', TABLE = TG_TABLE_NAME;"
    )


def stays(
    row: str,
    table: str,
    message: str,
    truncate_message: str = "",
    operation: Operation = Update | Delete,
) -> list[Trigger]:
    """Returns the triggers that refuse UPDATE, DELETE and TRUNCATE on an append-only table.

    `row` is the name of the trigger for UPDATE and DELETE, and `table` the name of the trigger for
    TRUNCATE. The default of `truncate_message` is `message`. If `operation` is Delete, UPDATE is
    allowed.
    """
    return [
        FirmTrigger(name=row, when=Before, operation=operation, func=refuse(row, message)),
        FirmTrigger(
            name=table,
            level=Statement,
            when=Before,
            operation=Truncate,
            func=refuse(table, truncate_message or message),
        ),
    ]
