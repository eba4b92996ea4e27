"""Finds rights that a role has in addition to its registered rights. The role may have them
directly, through another role, or through PUBLIC.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import psycopg

from ledger.db.server.versions import HAS_MAINTAIN, MEMBERSHIPS_HAVE_INHERIT

Connection = psycopg.Connection[Any]
RIGHT = re.compile(r"(\w+)(?: \(([^)]*)\))?")  # a right in the syntax of GRANT, with its columns
TABLE_RIGHTS = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"]
SIGNS_IN_BY_TOKENS = "rds_iam"  # this role has no other rights
ATTRIBUTES = """
    SELECT rolsuper, rolcreaterole, rolreplication, rolbypassrls,
           (SELECT pg_get_userbyid(relowner)::text FROM pg_class
            WHERE oid = to_regclass('public.transactions'))
    FROM pg_roles WHERE rolname = %s
"""
# The roles whose rights this role has, and the roles that this role can become, also if it must
# first grant itself the right. On Postgres 15, every member of a role can become that role.
BECOMES = """
    SELECT rolname FROM pg_roles
    WHERE rolname NOT IN (%(role)s, %(harmless)s) AND pg_has_role(%(role)s::name, oid, %(ways)s)
    ORDER BY rolname
"""
# Tables of extensions are not included, because extensions grant all roles rights to their tables.
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
# From Postgres 16 on, there is one membership per grantor, and REVOKE must contain the grantor.
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
    """Returns texts about powers that only the owner of the tables or an administrator should have,
    such as "is a superuser". Returns an empty list if the role or the tables do not exist.
    """
    row = found.execute(ATTRIBUTES, [role]).fetchone()
    if row is None or row[-1] is None:
        return []
    is_super, makes_roles, replicates, bypasses, owner = row
    if is_super:
        return ["is a superuser"]
    if role == owner:
        return ["owns the tables"]
    is_old = found.info.server_version < MEMBERSHIPS_HAVE_INHERIT
    ways = "MEMBER" if is_old else "USAGE, SET, MEMBER WITH ADMIN OPTION"
    parameters = {"role": role, "harmless": SIGNS_IN_BY_TOKENS, "ways": ways}
    others = [name for (name,) in found.execute(BECOMES, parameters).fetchall()]
    if owner in others:
        return [f"may act as {owner}, which owns the tables"]
    may = [(makes_roles, "can create roles"), (replicates, "can copy the whole server")]
    may += [(bypasses, "bypasses row-level security"), (others, f"may act as {', '.join(others)}")]
    return [what for applies, what in may if applies]


def beyond_registered(
    found: Connection,
    role: str,
    rights: Mapping[str, str],
    *,
    hidden: Mapping[str, str],
    functions: Sequence[str],
) -> Iterator[str]:
    """Yields each right of the role that is not registered, such as "DELETE on transactions".
    Functions that run with the rights of their owner are included. The parameters are the same as
    in `ledger.db.rights.grants.grant`.
    """
    has_maintain = found.info.server_version >= HAS_MAINTAIN
    kinds = [*TABLE_RIGHTS, "MAINTAIN"] if has_maintain else TABLE_RIGHTS
    more: dict[tuple[str, str], list[str]] = {}
    for table, kind, column in found.execute(TABLES, {"role": role, "kinds": kinds}).fetchall():
        allowed = _columns(rights.get(table, "")).get(kind)
        if kind == "SELECT" and allowed == [] and hidden.get(table):
            is_beyond = column in (None, hidden[table])
        else:
            is_beyond = allowed is None or (bool(allowed) and column not in allowed)
        if is_beyond:
            more.setdefault((table, kind), []).extend([column] if column else [])
    for (table, kind), columns in more.items():
        of_columns = f" ({', '.join(columns)})" if columns else ""
        yield f"{kind}{of_columns} on {table}"
    parameters = {"role": role, "registered": list(functions)}
    for (function,) in found.execute(FUNCTIONS, parameters).fetchall():
        yield f"EXECUTE of {function}"


def _columns(rights: str) -> dict[str, list[str]]:
    """Returns the columns of each right in a text such as "SELECT, UPDATE (a, b)". An empty list
    means all columns.
    """
    return {kind: columns.split(", ") if columns else [] for kind, columns in RIGHT.findall(rights)}


def memberships(cursor: Any, *, owner: str, worker: str) -> list[tuple[str, str]]:
    """Returns a pair for each membership of the worker in the owner role: the role that granted the
    membership, and the SQL statement that revokes it.
    """
    cursor.execute(MEMBERSHIPS, {"owner": owner, "worker": worker})
    return [(grantor, statement) for grantor, statement in cursor.fetchall()]
