"""Triggers that no session can switch off.

A django-pgtrigger function first asks the setting `pgtrigger.ignore`, which every session
may set for itself, whatever its rights. That is handy for soft deletes and wrong for books:
a statement smuggled in could wave itself through. `FirmTrigger` leaves the question out;
only the owner of the table can disable it, by ALTER TABLE.

With `definer` the function works with the rights of the tables' owner, so that it may do what
the role that set it off may not.
"""

from typing import Any

from django.db import models
from pgtrigger import Before, Delete, Statement, Trigger, Truncate, Update, compiler


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
    """The same, with the rights of whoever made it. Migrations name this class.

    The tables are looked for in `public` alone: a caller's own schema of temporary tables,
    searched first unless it is named last, could put others in their place.
    """

    def get_template(self) -> str:
        # Whoever may execute it could hang it on a table of their own, and feed it anything.
        definer = """LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp;
            REVOKE ALL ON FUNCTION {pgid}() FROM PUBLIC;"""
        template = super().get_template().replace("LANGUAGE plpgsql;", definer)
        return template.replace("FOR EACH {level}", "{referencing} FOR EACH {level}")


class CompiledFirmTrigger(compiler.Trigger):
    """The trigger as migrations know it; its function goes when it goes."""

    @property
    def uninstall_sql(self) -> str:
        return f"{super().uninstall_sql} DROP FUNCTION IF EXISTS {self.sql.pgid}();"


class FirmTrigger(Trigger):
    """A trigger of django-pgtrigger that cannot be ignored."""

    def __init__(self, *, definer: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.definer = definer

    def compile(self, model: models.Model) -> compiler.Trigger:
        return CompiledFirmTrigger(
            name=self.name,
            sql=(DefinerTriggerSql if self.definer else FirmTriggerSql)(
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


def stays(row: str, table: str, said: str, said_of_all: str = "") -> list[Trigger]:
    """The triggers of an append-only table, by name: no UPDATE, no DELETE, no TRUNCATE.

    `said_of_all` is the sentence about TRUNCATE, where it is another.
    """
    return [
        FirmTrigger(name=row, when=Before, operation=Update | Delete, func=refuse(row, said)),
        FirmTrigger(
            name=table,
            level=Statement,
            when=Before,
            operation=Truncate,
            func=refuse(table, said_of_all or said),
        ),
    ]
