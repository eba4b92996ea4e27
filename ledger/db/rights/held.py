"""What a role may do beyond the rights that apps register, whoever granted it, and by what way: by
itself, by another role, or as everybody.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import psycopg

from ledger.db.server.versions import KNOWS_MAINTAIN, MEMBERSHIPS_KNOW_INHERIT

Connection = psycopg.Connection[Any]
RIGHT = re.compile(r"(\w+)(?: \(([^)]*)\))?")  # of a GRANT, with its columns
OF_TABLES = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"]
SIGNS_IN_BY_TOKENS = "rds_iam"  # gives no right
ATTRIBUTES = """
    SELECT rolsuper, rolcreaterole, rolreplication, rolbypassrls,
           (SELECT pg_get_userbyid(relowner)::text FROM pg_class
            WHERE oid = to_regclass('public.transactions'))
    FROM pg_roles WHERE rolname = %s
"""
# Roles whose rights it has, which it may become (on Postgres 15 every member may), or where it may
# let itself do so.
BECOMES = """
    SELECT rolname FROM pg_roles
    WHERE rolname NOT IN (%(role)s, %(harmless)s) AND pg_has_role(%(role)s::name, oid, %(ways)s)
    ORDER BY rolname
"""
# Of no extension, which gives everybody rights to what it makes.
TABLES = """
    WITH tables AS (
        SELECT found.oid,
               CASE nspname WHEN 'public' THEN '' ELSE nspname || '.' END || relname AS name
        FROM pg_class AS found JOIN pg_namespace ON pg_namespace.oid = relnamespace
        WHERE relkind IN ('r', 'p', 'v', 'm', 'f')
          AND nspname <> 'information_schema' AND nspname !~ '^pg_'
          AND NOT EXISTS (SELECT FROM pg_depend WHERE deptype = 'e'
                          AND classid = found.tableoid AND objid = found.oid)
    )
    SELECT name, kind, NULL AS attname
    FROM tables, unnest(%(kinds)s::text[]) AS kind
    WHERE has_table_privilege(%(role)s::name, oid, kind)
    UNION ALL
    SELECT name, kind, attname::text
    FROM tables JOIN pg_attribute ON attrelid = oid AND attnum > 0 AND NOT attisdropped,
         unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) AS kind
    WHERE has_column_privilege(%(role)s::name, oid, attnum, kind)
      AND NOT has_table_privilege(%(role)s::name, oid, kind)
    ORDER BY 1, 2, 3
"""
FUNCTIONS = """
    SELECT found.oid::regprocedure::text
    FROM pg_proc AS found JOIN pg_namespace ON pg_namespace.oid = pronamespace
    WHERE prosecdef AND has_function_privilege(%(role)s::name, found.oid, 'EXECUTE')
      AND nspname <> 'information_schema' AND nspname !~ '^pg_'
      AND NOT EXISTS (SELECT FROM pg_depend WHERE deptype = 'e'
                      AND classid = found.tableoid AND objid = found.oid)
      AND found.oid <> ALL (
          SELECT to_regprocedure(signature) FROM unnest(%(registered)s::text[]) AS signature
          WHERE to_regprocedure(signature) IS NOT NULL)
    ORDER BY 1
"""
# Each grantor has a membership from Postgres 16 on, and none can revoke that of another unnamed.
MEMBERSHIPS = """
    SELECT grantor.rolname::text,
           format('REVOKE %%I FROM %%I', granted.rolname, member.rolname)
           || CASE WHEN current_setting('server_version_num')::int >= 160000
                   THEN format(' GRANTED BY %%I', grantor.rolname) ELSE '' END
    FROM pg_auth_members AS held
    JOIN pg_roles AS granted ON granted.oid = held.roleid
    JOIN pg_roles AS member ON member.oid = held.member
    LEFT JOIN pg_roles AS grantor ON grantor.oid = held.grantor
    WHERE granted.rolname = %(owner)s AND member.rolname = %(worker)s
"""


def powers(found: Connection, role: str) -> list[str]:
    """What makes the role more than one that owns nothing, such as "is a superuser"; none of a role
    that is missing, and before the tables are there.
    """
    row = found.execute(ATTRIBUTES, [role]).fetchone()
    if row is None or row[-1] is None:
        return []
    is_super, makes_roles, replicates, bypasses, owner = row
    if is_super:
        return ["is a superuser"]
    if role == owner:
        return ["owns the tables"]
    is_old = found.info.server_version < MEMBERSHIPS_KNOW_INHERIT
    ways = "MEMBER" if is_old else "USAGE, SET, MEMBER WITH ADMIN OPTION"
    asked = {"role": role, "harmless": SIGNS_IN_BY_TOKENS, "ways": ways}
    others = [name for (name,) in found.execute(BECOMES, asked).fetchall()]
    if owner in others:
        return [f"may act as {owner}, which owns the tables"]
    may = [(makes_roles, "makes roles"), (replicates, "copies the whole server")]
    may += [(bypasses, "passes row-level security"), (others, f"may act as {', '.join(others)}")]
    return [what for is_so, what in may if is_so]


def beyond_registered(
    found: Connection,
    role: str,
    rights: Mapping[str, str],
    *,
    hidden: Mapping[str, str],
    functions: Sequence[str],
) -> Iterator[str]:
    """Each right to a table, as "DELETE on transactions", and each function of an owner that the
    role may execute, beyond these, which are as `ledger.db.rights.grants.grant` takes them.
    """
    kinds = [*OF_TABLES, "MAINTAIN"] if found.info.server_version >= KNOWS_MAINTAIN else OF_TABLES
    more: dict[tuple[str, str], list[str]] = {}
    for table, kind, column in found.execute(TABLES, {"role": role, "kinds": kinds}).fetchall():
        given = _columns(rights.get(table, "")).get(kind)
        if kind == "SELECT" and given == [] and hidden.get(table):
            is_beyond = column in (None, hidden[table])
        else:
            is_beyond = given is None or (bool(given) and column not in given)
        if is_beyond:
            more.setdefault((table, kind), []).extend([column] if column else [])
    for (table, kind), columns in more.items():
        of_columns = f" ({', '.join(columns)})" if columns else ""
        yield f"{kind}{of_columns} on {table}"
    asked = {"role": role, "registered": list(functions)}
    for (function,) in found.execute(FUNCTIONS, asked).fetchall():
        yield f"EXECUTE of {function}"


def _columns(rights: str) -> dict[str, list[str]]:
    """The columns of each right, none for all: of "SELECT, UPDATE (a, b)"."""
    return {kind: columns.split(", ") if columns else [] for kind, columns in RIGHT.findall(rights)}


def memberships(cursor: Any, *, owner: str, worker: str) -> list[tuple[str, str]]:
    """Who granted the worker to be a member of the owner, each with the statement that ends it."""
    cursor.execute(MEMBERSHIPS, {"owner": owner, "worker": worker})
    return [(grantor, statement) for grantor, statement in cursor.fetchall()]
