"""Copies the tables of a schema into another schema of the same database. Copies all rules of the
tables, but no rows.

The module uses SQL on the catalogue, because pg_dump is not always installed and must not be older
than the server. Three kinds of objects are not copied: objects of extensions, row-level security
(its functions are in another schema), and objects that the bank has added, such as views and
triggers.
"""

from collections.abc import Collection
from typing import Any

from django.db import connection
from django.db import transaction as db_transaction

# Selects the named tables and views of the source, its functions, and the triggers of
# django-pgtrigger. Objects of extensions and of other owners are left out.
OURS = """
WITH ours AS (
    SELECT oid, relname, relkind, reloptions,
        format('%%I.%%I', %(source)s::text, relname) AS here,
        format('%%I.%%I', %(target)s::text, relname) AS copied
    FROM pg_class
    WHERE relnamespace = %(source)s::regnamespace AND relkind IN ('r', 'v')
      AND relname = ANY(%(tables)s) AND pg_has_role(relowner, 'USAGE')
      AND NOT EXISTS (
          SELECT FROM pg_depend
          WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e'
      )
), functions AS (
    SELECT oid, format(
        '%%I.%%I(%%s)', %(target)s::text, proname, pg_get_function_identity_arguments(oid)
    ) AS copied
    FROM pg_proc
    WHERE pronamespace = %(source)s::regnamespace AND prokind IN ('f', 'p')
      AND pg_has_role(proowner, 'USAGE')
      AND NOT EXISTS (
          SELECT FROM pg_depend
          WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e'
      )
), triggers AS (
    SELECT pg_trigger.oid, tgname, here, ours.copied
    FROM ours JOIN pg_trigger ON tgrelid = ours.oid JOIN functions ON functions.oid = tgfoid
    WHERE NOT tgisinternal AND starts_with(tgname, 'pgtrigger_')
)
"""
# Copies columns, defaults, NOT NULL and CHECKs. Indexes are excluded, because LIKE would rename
# them.
TABLES = """
SELECT format('CREATE TABLE %%s (LIKE %%s INCLUDING ALL EXCLUDING INDEXES)', copied, here)
FROM ours WHERE relkind = 'r' ORDER BY oid
"""
FUNCTIONS = """
SELECT regexp_replace(pg_get_functiondef(oid), '^(CREATE OR REPLACE [A-Z]+) [^.(]+',
    '\\1 ' || quote_ident(%(target)s))
FROM functions ORDER BY oid
"""
PRIVATE_FUNCTIONS = """
SELECT format('REVOKE ALL ON FUNCTION %%s FROM PUBLIC', copied)
FROM functions WHERE NOT has_function_privilege('public', oid, 'EXECUTE') ORDER BY oid
"""
# Foreign keys come last, because the keys to which they refer must exist.
CONSTRAINTS = """
SELECT format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', copied, conname,
    pg_get_constraintdef(pg_constraint.oid))
FROM ours JOIN pg_constraint ON conrelid = ours.oid
WHERE contype IN ('p', 'u', 'x', 'f') ORDER BY contype = 'f', pg_constraint.oid
"""
# Copies the storage parameters of tables and of the indexes of constraints.
STORAGE = """
SELECT format('ALTER TABLE %%s SET (%%s)', copied, array_to_string(reloptions, ', '))
FROM ours WHERE relkind = 'r' AND reloptions IS NOT NULL
UNION ALL
SELECT format('ALTER INDEX %%I.%%I SET (%%s)', %(target)s::text, made.relname,
    array_to_string(made.reloptions, ', '))
FROM ours JOIN pg_constraint ON conrelid = ours.oid JOIN pg_class AS made ON made.oid = conindid
WHERE contype IN ('p', 'u', 'x') AND made.reloptions IS NOT NULL
"""
INDEXES = """
SELECT regexp_replace(pg_get_indexdef(indexrelid), ' ON \\S+ USING ', ' ON ' || copied || ' USING ')
FROM ours JOIN pg_index ON indrelid = ours.oid
WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype <> 'f')
ORDER BY indexrelid
"""
VIEWS = """
SELECT format('CREATE VIEW %%s AS %%s', copied, pg_get_viewdef(oid))
FROM ours WHERE relkind = 'v' ORDER BY oid
"""
TRIGGERS = """
SELECT regexp_replace(pg_get_triggerdef(oid), ' ON ' || here || ' ', ' ON ' || copied || ' ')
FROM triggers ORDER BY oid
"""
# The comments of columns and CHECKs are missing here, because LIKE already copies them.
COMMENTS = """
SELECT format('COMMENT ON %%s IS %%L', object, description)
FROM pg_description JOIN (
    SELECT 'pg_class'::regclass, oid,
        CASE relkind WHEN 'v' THEN 'VIEW ' ELSE 'TABLE ' END || copied
    FROM ours
    UNION ALL
    SELECT 'pg_proc'::regclass, oid, 'FUNCTION ' || copied FROM functions
    UNION ALL
    SELECT 'pg_trigger'::regclass, oid, format('TRIGGER %%I ON %%s', tgname, copied) FROM triggers
) AS objects (class, oid, object) ON classoid = class AND objoid = oid AND objsubid = 0
ORDER BY object
"""
IN_ORDER = (
    TABLES,
    FUNCTIONS,
    PRIVATE_FUNCTIONS,
    CONSTRAINTS,
    STORAGE,
    INDEXES,
    VIEWS,
    TRIGGERS,
    COMMENTS,
)


def copy_schema(source: str, target: str, tables: Collection[str]) -> None:
    """Copies these tables and views, their triggers, and all functions from the schema `source`
    into the empty schema `target`, in one transaction.

    Postgres writes the definitions with only `source` in the search path, so the names in the
    definitions have no schema. The definitions are executed with `target` first in the search path.
    """
    parameters: dict[str, Any] = {"source": source, "target": target, "tables": [*tables]}
    with db_transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('search_path', %s, true)", [source])
        statements: list[str] = []
        for query in IN_ORDER:
            cursor.execute(OURS + query, parameters)
            statements += [statement for (statement,) in cursor.fetchall()]
        # `source` comes last, for operators and functions of extensions.
        cursor.execute("SELECT set_config('search_path', %s, true)", [f"{target}, {source}"])
        for statement in statements:
            cursor.execute(statement)
