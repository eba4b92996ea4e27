"""What a role may do with the tables: given anew after every migration.

The owner of the tables runs migrations; web processes sign in with a role that owns nothing.
It may read and write every table, except where an app says that it may do less.
"""

from collections.abc import Mapping

from django.db.backends.base.base import BaseDatabaseWrapper

EVERYTHING = "SELECT, INSERT, UPDATE, DELETE"


def grant(connection: BaseDatabaseWrapper, role: str, less: Mapping[str, str]) -> bool:
    """Gives the role its rights to every table and view; False where there is no such role.

    `less` has tables with the rights, as GRANT spells them, where they are not EVERYTHING.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
        if cursor.fetchone() is None:
            return False
        quote = connection.ops.quote_name
        to = quote(role)
        # Tables of a session's own, searched first, could stand in the place of the real ones.
        cursor.execute(
            "SELECT current_database() FROM pg_database WHERE datname = current_database()"
            " AND pg_has_role(current_user, datdba, 'MEMBER')"
        )
        for (database,) in cursor.fetchall():
            cursor.execute(f"REVOKE TEMPORARY ON DATABASE {quote(database)} FROM PUBLIC")
        cursor.execute(
            "SELECT relname, current_schema() FROM pg_class WHERE relkind IN ('r', 'p', 'v')"
            " AND relnamespace = current_schema()::regnamespace"
            " AND pg_has_role(current_user, relowner, 'MEMBER')"
        )
        for name, schema in cursor.fetchall():
            table = f"{quote(schema)}.{quote(name)}"
            cursor.execute(f"REVOKE ALL ON {table} FROM {to}")
            cursor.execute(f"GRANT {less.get(name, EVERYTHING)} ON {table} TO {to}")
    return True
