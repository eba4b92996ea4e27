"""Lists the Postgres extensions that Ledger requires, and finds missing extensions.

Note [Schema of extensions]: all roles may execute the functions of a trusted extension, and only a
superuser can revoke this right. Therefore the extensions are in a separate schema. The web role and
the cookbook's role may use this schema; the explorer's role may not. Only the cookbook has the
schema in its search path. All other SQL contains the schema's name (`extensions.unaccent`), so it
also works with any search path, behind a pooler and while a backup is restored.
`ledger.db.queries.lookups` adds the schema's name to Django's lookups.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import psycopg

SCHEMA = "extensions"
REQUIRED = ("btree_gist", "pg_trgm", "unaccent")
MIGRATION = "ledger_db.0001_extensions"
FOUND = """
    SELECT name, extnamespace::regnamespace::text, pg_has_role(current_user, extowner, 'MEMBER'),
           EXISTS (SELECT FROM pg_available_extensions AS known WHERE known.name = required.name)
    FROM unnest(%s::text[]) AS required(name) LEFT JOIN pg_extension ON extname = name
    ORDER BY name
"""
INSTALL = (
    "Install Postgres's contrib modules on the server: on Debian and Ubuntu they come with the"
    " package postgresql-{major}, on Red Hat with postgresql-contrib, and RDS, Aurora and the"
    " official images have them."
)
RESTART = (
    "The embedded server that runs is of an older Ledger: stop it (make stop), then run this again."
)
CREATE = "As the owner of the database: CREATE EXTENSION {name} SCHEMA {schema};"
MOVE = (
    "As a superuser: CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {owner};"
    " ALTER EXTENSION {name} SET SCHEMA {schema};"
)
OWNER = "SELECT quote_ident(pg_get_userbyid(datdba)) FROM pg_database WHERE datname = %s"


class Lacking(NamedTuple):
    """A problem with an extension (`what`) and its solution (`do`). The extension is missing or in
    the wrong schema.
    """

    what: str
    do: str


def missing_extensions(
    found: psycopg.Connection[Any], *, migrated: bool, embedded: bool
) -> Iterator[Lacking]:
    """Yields the problem of each extension that is missing or in the wrong schema. `migrated` is
    whether the migration that creates the extensions has run. Before this migration, problems that
    the migration solves are skipped.
    """
    version, database = found.info.server_version, found.info.dbname
    ((owner,),) = found.execute(OWNER, [database]).fetchall()
    for name, schema, is_own, is_available in found.execute(FOUND, [list(REQUIRED)]).fetchall():
        words = {"name": name, "schema": SCHEMA, "owner": owner, "major": version // 10_000}
        if schema is None and not is_available:
            yield Lacking(
                f"The server lacks the extension {name}, which Ledger needs.",
                RESTART if embedded else INSTALL.format(**words),
            )
        elif schema is None and migrated:
            yield Lacking(
                f"The database has no extension {name}, which Ledger needs.", CREATE.format(**words)
            )
        elif schema not in (None, SCHEMA) and (migrated or not is_own):
            yield Lacking(
                f"The extension {name} is in the schema {schema}; Ledger looks for it in {SCHEMA}.",
                MOVE.format(**words),
            )


def grant_usage(cursor: Any, role: str) -> None:
    """Allows a role to call the functions of the extensions: see Note [Schema of extensions].
    `role` is in the syntax of GRANT. Does nothing if the current role does not own the schema.
    """
    cursor.execute(
        "SELECT 1 FROM pg_namespace"
        " WHERE nspname = %s AND pg_has_role(current_user, nspowner, 'MEMBER')",
        [SCHEMA],
    )
    if cursor.fetchone():
        cursor.execute(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {role}")
