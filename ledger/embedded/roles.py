"""Creates and maintains the database roles of the embedded server, as the server's superuser."""

from typing import Any

import psycopg
from psycopg import sql

from ledger.db.rights import kept_from_queries
from ledger.db.rights.grants import LARGE_OBJECTS
from ledger.db.rights.held import memberships
from ledger.db.rights.role_setup import COOKBOOK, EXPLORER_OPTIONS, EXPLORER_SETTINGS
from ledger.db.server.versions import MEMBERSHIPS_HAVE_INHERIT
from ledger.embedded.postmaster import Postmaster

DATABASE = "ledger"
# The roles:
#
# - OWNER: the owner of the database.
# - WEB: the role of web processes. Its rights to tables are granted after every migration (see
#   grants.py).
# - WORKER: the role of `manage.py work`. Its rights are granted in the same way.
# - ROWS: the owner of the views of row-level security. No session uses this role.
# - COOKBOOK: the role of the cookbook. It cannot sign in and is used through SET ROLE.
# - EXPLORER: the role of the explorer. It signs in and can read only its views.
OWNER, WEB, ROWS = "ledger", "ledger_web", "ledger_web_rows"
WORKER = "ledger_worker"
LOGINS = {"owner": OWNER, "web": WEB, "worker": WORKER}  # by the value of LEDGER_ROLE
AUDITOR = "ledger_auditor"  # this role exists only if an administrator has created it
EXPLORER = "ledger_explorer"
ROLES = {
    OWNER: "LOGIN CREATEDB",
    WEB: "LOGIN",
    WORKER: "LOGIN",
    COOKBOOK: "NOLOGIN",
    ROWS: "NOLOGIN",
    EXPLORER: EXPLORER_OPTIONS,
}
# The key is (member, role): the member may SET ROLE to this role. The owner also inherits the
# rights of the role. The web role does not inherit them.
MEMBERSHIPS = {
    (OWNER, WEB): "",
    (OWNER, COOKBOOK): "",
    (WEB, COOKBOOK): " WITH INHERIT FALSE",
    (OWNER, ROWS): "",
}
GRANTED = "SELECT member::regrole::text, roleid::regrole::text FROM pg_auth_members"
SUPERUSER = "postgres"


def create(server: Postmaster) -> None:
    """Creates all missing roles, their memberships and the database, and resets unexpected settings
    of the roles. A role is also missing if it was added to ROLES after the data folder was created.
    """
    with as_superuser(server, "postgres") as connection:
        create_on(connection)
        _grant_session_statistics(connection)
        reset_settings(connection)


def create_on(connection: psycopg.Connection[Any], *, password: str | None = None) -> None:
    """Creates missing roles, memberships and the database. The connection must be a superuser's.

    Before Postgres 16, a single membership cannot exclude inheritance. On these versions the web
    role therefore inherits no rights from any role.
    """
    known = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
    for role, rights in ROLES.items():
        if role not in known:
            create = sql.SQL("CREATE ROLE {} " + rights + " PASSWORD {}")
            connection.execute(create.format(sql.Identifier(role), sql.Literal(password)))
    is_old = connection.info.server_version < MEMBERSHIPS_HAVE_INHERIT
    granted = set(connection.execute(GRANTED).fetchall())
    for (member, role), options in MEMBERSHIPS.items():
        if (member, role) not in granted:
            grant = sql.SQL("GRANT {} TO {}" + ("" if is_old else options))
            connection.execute(grant.format(sql.Identifier(role), sql.Identifier(member)))
    if is_old:
        connection.execute(sql.SQL("ALTER ROLE {} NOINHERIT").format(sql.Identifier(WEB)))
    # Triggers of older versions needed these memberships.
    with connection.cursor() as cursor:
        for _grantor, revoke in memberships(cursor, owner=OWNER, worker=WORKER):
            cursor.execute(revoke.encode())
    exists = "SELECT 1 FROM pg_database WHERE datname = %s"
    if not connection.execute(exists, [DATABASE]).fetchone():
        create = sql.SQL("CREATE DATABASE {} OWNER {}")
        connection.execute(create.format(sql.Identifier(DATABASE), sql.Identifier(OWNER)))


def revoke_public_rights(server: Postmaster, database: str) -> None:
    """Revokes rights on a database that only a superuser can revoke. Also resets settings that
    Ledger's roles have changed with ALTER ROLE.

    After that, no role can create large objects in this database. Only roles that book payments can
    write messages into the WAL or end other sessions of their role. The explorer cannot call the
    functions in `kept_from_queries`.
    """
    with as_superuser(server, database) as connection:
        for (revoke,) in connection.execute(LARGE_OBJECTS).fetchall():
            connection.execute(revoke)
        with connection.cursor() as cursor:
            others = [COOKBOOK, ROWS, AUDITOR]
            for statement in kept_from_queries.statements(cursor, [*LOGINS.values()], others):
                cursor.execute(statement)
        reset_settings(connection)


def _grant_session_statistics(connection: psycopg.Connection[Any]) -> None:
    """Grants the owner role the statistics that `session_states()` needs. The page "Database" calls
    this function, which does not return the SQL statements of the sessions.
    """
    connection.execute(
        sql.SQL("GRANT {} TO {}").format(
            sql.Identifier(kept_from_queries.STATISTICS), sql.Identifier(OWNER)
        )
    )


def as_superuser(server: Postmaster, database: str) -> psycopg.Connection[Any]:
    """Returns a new connection as the superuser, in autocommit mode. Close the connection with
    `with`.
    """
    return psycopg.connect(
        host=str(server.socket_dir),
        port=server.port,
        user=SUPERUSER,
        dbname=database,
        autocommit=True,
    )


def reset_settings(connection: psycopg.Connection[Any]) -> None:
    """Removes unexpected settings from Ledger's roles. Postgres allows every role to change its own
    settings with ALTER ROLE, so injected SQL could also change them. The settings that Ledger needs
    are never removed, so sessions that start at the same time have them too.
    """
    # Without this setting, `pg_stat_activity` shows a role the SQL statements of its other
    # sessions, with their values.
    hidden = {"track_activities": "off"}
    expected = {WEB: hidden, WORKER: hidden, EXPLORER: EXPLORER_SETTINGS}
    changed = """SELECT rolname, datname, setconfig FROM pg_db_role_setting
        JOIN pg_roles ON pg_roles.oid = setrole
        LEFT JOIN pg_database ON pg_database.oid = setdatabase
        WHERE rolname = ANY (%s)"""
    for role, database, settings in connection.execute(changed, [list(ROLES)]).fetchall():
        kept = (
            []
            if database
            else [f"{name}={value}" for name, value in expected.get(role, {}).items()]
        )
        if sorted(settings) == sorted(kept):
            del expected[role]
            continue
        reset = sql.SQL("ALTER ROLE {} RESET ALL").format(sql.Identifier(role))
        if database:
            reset = sql.SQL("ALTER ROLE {} IN DATABASE {} RESET ALL").format(
                sql.Identifier(role), sql.Identifier(database)
            )
        connection.execute(reset)
    for role, values in expected.items():
        for name, value in values.items():
            setting = sql.SQL("ALTER ROLE {} SET {} = {}")
            connection.execute(
                setting.format(sql.Identifier(role), sql.Identifier(name), sql.Literal(value))
            )
