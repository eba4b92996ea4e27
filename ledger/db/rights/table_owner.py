"""Detects a login that must not create the bank's tables. The reason can be that another role owns
the tables, or that the login would create the tables outside the schema `public`.
"""

from typing import Any

# The tables belong to the role that created them. Without tables, they will belong to the owner of
# the database. An owner that cannot sign in, or that is a superuser such as `postgres`, is not the
# bank's role. A login that may not act as the owner cannot create tables, or has its own right.
OTHER_OWNER = """
    SELECT owner.rolname, current_user
    FROM pg_database, pg_roles AS owner
    WHERE datname = current_database()
      AND owner.oid = coalesce(
          (SELECT relowner FROM pg_class WHERE oid = to_regclass('django_migrations')), datdba)
      AND owner.rolname <> current_user AND owner.rolcanlogin AND NOT owner.rolsuper
      AND pg_has_role(owner.oid, 'MEMBER')
"""
NOT_THE_OWNER = (
    "Nothing was changed: the tables must belong to the role {owner}, and the login {login} would"
    " own what it creates. Sign in as {owner}, in DATABASE_URL or DB_USER (docs/rights.md)."
)
# The first schema of search_path that exists, which is where CREATE TABLE makes tables.
OTHER_SCHEMA = """
    SELECT coalesce('the schema ' || quote_ident(current_schema()), 'no schema'),
           quote_ident(current_user), quote_ident(current_database())
    WHERE current_schema() IS DISTINCT FROM 'public'
"""
NOT_IN_PUBLIC = (
    "Nothing was changed: Ledger's tables must be in the schema public, but the login {login} uses"
    " {schema}. If the schema public exists and the login may use it, run ALTER ROLE {login} IN"
    " DATABASE {database} SET search_path = public. Otherwise run, as an administrator, CREATE"
    " SCHEMA IF NOT EXISTS public and GRANT USAGE, CREATE ON SCHEMA public TO {login}."
)


def problem_with_login(database: Any) -> str | None:
    """Returns a message if this connection's login must not create the bank's tables: another role
    must own the tables, or the login would create them in another schema. Otherwise returns None.
    """
    database.ensure_connection()
    if row := database.raw.execute(OTHER_OWNER).fetchone():
        return NOT_THE_OWNER.format(owner=row[0], login=row[1])
    row = database.raw.execute(OTHER_SCHEMA).fetchone()
    return NOT_IN_PUBLIC.format(schema=row[0], login=row[1], database=row[2]) if row else None
