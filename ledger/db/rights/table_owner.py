"""Detects a login that must not create the bank's tables, because another role owns them."""

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


def problem_with_login(database: Any) -> str | None:
    """Returns a message if the login of this connection of Django is an administrator in place of
    the owner of the tables. Otherwise returns None.
    """
    database.ensure_connection()
    row = database.raw.execute(OTHER_OWNER).fetchone()
    return NOT_THE_OWNER.format(owner=row[0], login=row[1]) if row else None
