"""Triggers that no session can switch off.

A django-pgtrigger function first checks the setting `pgtrigger.ignore`, which every session may
change, whatever its rights. That is wrong for books: injected SQL could set it and bypass the
trigger. `FirmTrigger` omits the check; only the owner of the table can disable it, with ALTER
TABLE.

With `deferred` the function runs at COMMIT, for each row. With `definer` it runs with the rights of
the tables' owner, so it may do things that the calling role may not. Its `search_path` contains
`public` first and `pg_temp` last, because otherwise a caller's temporary tables would be found
before the real ones.
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


# For functions that run with the rights of the owner: the role that called, and its session.
CALLER = "coalesce(nullif(current_setting('role'), 'none'), session_user)"
SESSION = "pg_backend_pid() || coalesce(' at ' || host(inet_client_addr()), '')"

# Whether the role that runs the statement has the rights of the table's owner, as migrations and
# commands do. False in web processes and in the worker. TRUSTS_USER is for functions that run with
# the rights of their caller. TRUSTS_CALLER is for functions with the rights of the owner: there
# `current_user` is the owner, and the setting `role` still contains the caller.
_HAS_OWNER_RIGHTS = (
    "pg_catalog.pg_has_role({}, (SELECT relowner FROM pg_catalog.pg_class WHERE oid = TG_RELID),"
    " 'USAGE')"
)
TRUSTS_USER = _HAS_OWNER_RIGHTS.format("current_user")
TRUSTS_CALLER = _HAS_OWNER_RIGHTS.format(f"({CALLER})::name")


class FirmTriggerSql(compiler.UpsertTriggerSql):
    """The SQL of a trigger without `pgtrigger.ignore`, and of its function.

    Both are named after the trigger and a digest of the table's name. Postgres fires the triggers
    of a table in the order of these names. The comment is a digest of the SQL that does not depend
    on its layout.
    """

    # The rights with which the function runs. A role that may execute a definer's function could
    # attach it to its own table, with any rows.
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
    """Returns the name in Postgres of this trigger and of its function."""
    return f"pgtrigger_{name}_{sha1(table.encode(), usedforsecurity=False).hexdigest()[:5]}"


class FixedTrigger(compiler.Trigger):
    """A trigger with its SQL, in the form that migrations contain. `kind` is "definer", "deferred"
    or "".

    Two triggers are equal if their SQL is equal, whatever its layout. Uninstalling a trigger also
    drops its function.
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
    """A trigger of django-pgtrigger that cannot be ignored."""

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
    """Returns PL/pgSQL that raises a check violation (SQLSTATE 23514) with a constraint's name."""
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
    """Returns the triggers of an append-only table: no UPDATE, no DELETE, no TRUNCATE.

    `row` is the name of the trigger for UPDATE and DELETE, `table` the name of the one for
    TRUNCATE, which uses `truncate_message` if given. With `operation` DELETE, rows may be changed.
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
