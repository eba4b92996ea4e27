"""Triggers that no session can switch off.

A django-pgtrigger function first checks the setting `pgtrigger.ignore`, which every session
may change, whatever its rights. That is wrong for books: injected SQL could set it and pass.
`FirmTrigger` leaves the check out; only the owner of the table can disable it, by ALTER TABLE.

With `deferred` the function runs at COMMIT, for each row. With `definer` it runs with the rights of
the tables' owner, so that it may do what
the role that fired it may not.
"""

from typing import Any

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

# Whether the role that runs the statement may not act as the owner of the table. True in every web
# process, because its role owns nothing; false for migrations and commands. For functions that run
# with the rights of their caller.
BY_WEB_ROLE = """NOT pg_has_role(
    current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'MEMBER'
)"""

# For functions that run with the rights of the owner: the role that called, and its session.
CALLER = "coalesce(nullif(current_setting('role'), 'none'), session_user)"
SESSION = "pg_backend_pid() || coalesce(' at ' || host(inet_client_addr()), '')"


class FirmTriggerSql(compiler.UpsertTriggerSql):
    """The SQL of a trigger without `pgtrigger.ignore`. Migrations name this class."""

    def get_template(self) -> str:
        return """
            CREATE OR REPLACE FUNCTION {pgid}()
            RETURNS TRIGGER AS $$
                {declare}
                BEGIN
                    {func}
                END;
            $$ LANGUAGE plpgsql;

            DROP TRIGGER IF EXISTS {pgid} ON {table};
            CREATE TRIGGER {pgid}
                {when} {operation} ON {table}
                FOR EACH {level} {condition}
                EXECUTE FUNCTION {execute};

            COMMENT ON TRIGGER {pgid} ON {table} IS '{hash}';
        """


class DefinerTriggerSql(FirmTriggerSql):
    """The same, but the function runs with its owner's rights. Migrations name this class.

    `search_path` names `public` first and `pg_temp` last: otherwise a caller's temporary tables
    would be found before the real ones.
    """

    def get_template(self) -> str:
        # A role that may execute it could attach it to a table of its own, with any rows.
        definer = """LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp;
            REVOKE ALL ON FUNCTION {pgid}() FROM PUBLIC;"""
        template = super().get_template().replace("LANGUAGE plpgsql;", definer)
        return template.replace("FOR EACH {level}", "{referencing} FOR EACH {level}")


class DeferredTriggerSql(FirmTriggerSql):
    """The same, but the function runs at COMMIT. Migrations name this class."""

    def get_template(self) -> str:
        template = super().get_template()
        template = template.replace("CREATE TRIGGER", "CREATE CONSTRAINT TRIGGER")
        return template.replace("FOR EACH", "DEFERRABLE INITIALLY DEFERRED FOR EACH")


class CompiledFirmTrigger(compiler.Trigger):
    """The trigger as migrations know it; uninstalling it also drops its function."""

    @property
    def uninstall_sql(self) -> str:
        return f"{super().uninstall_sql} DROP FUNCTION IF EXISTS {self.sql.pgid}();"


class FirmTrigger(Trigger):
    """A trigger of django-pgtrigger that cannot be ignored."""

    def __init__(self, *, definer: bool = False, deferred: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.definer, self.deferred = definer, deferred

    @property
    def _sql_class(self) -> type[FirmTriggerSql]:
        if self.deferred:
            return DeferredTriggerSql
        return DefinerTriggerSql if self.definer else FirmTriggerSql

    def compile(self, model: models.Model) -> compiler.Trigger:
        return CompiledFirmTrigger(
            name=self.name,
            sql=self._sql_class(
                pgid=self.get_pgid(model),
                declare=self.render_declare(model),
                func=self.render_func(model),
                table=model._meta.db_table,
                when=self.when,
                operation=self.operation,
                level=self.level,
                condition=self.render_condition(model),
                referencing=self.referencing or compiler._unset,
            ),
        )


def refuse(name: str, message: str) -> str:
    """PL/pgSQL that raises a check violation (SQLSTATE 23514) under a constraint's name."""
    return (
        f"RAISE EXCEPTION '{message}' USING ERRCODE = 'check_violation', "
        f"CONSTRAINT = '{name}', TABLE = TG_TABLE_NAME;"
    )


def stays(
    row: str,
    table: str,
    message: str,
    truncate_message: str = "",
    operation: Operation = Update | Delete,
) -> list[Trigger]:
    """The triggers of an append-only table: no UPDATE, no DELETE, no TRUNCATE.

    `row` names the trigger for UPDATE and DELETE, `table` the one for TRUNCATE, whose message
    is `truncate_message` if given. With `operation` DELETE, rows may be changed.
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
