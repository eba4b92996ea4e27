"""The roles of the embedded server, which its superuser creates and maintains."""

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
# The roles: the owner of the database; the role of web processes, whose rights to tables are
# granted after every migration (see grants.py); the role of `manage.py work`, with rights granted
# in the same way; the role of the cookbook, which cannot sign in and is used through SET ROLE; the
# owner of the views of row-level security, which no session uses; and the role of the explorer,
# which signs in and can read only its views.
OWNER, WEB, ROWS = "ledger", "ledger_web", "ledger_web_rows"
WORKER = "ledger_worker"
LOGINS = {"owner": OWNER, "web": WEB, "worker": WORKER}  # by LEDGER_ROLE
AUDITOR = "ledger_auditor"  # exists only if an administrator created it
EXPLORER = "ledger_explorer"
ROLES = {
    OWNER: "LOGIN CREATEDB",
    WEB: "LOGIN",
    WORKER: "LOGIN",
    COOKBOOK: "NOLOGIN",
    ROWS: "NOLOGIN",
    EXPLORER: EXPLORER_OPTIONS,
}
# (member, role): the member may SET ROLE to the role. The owner also inherits the role's rights;
# the web role does not.
MEMBERSHIPS = {
    (OWNER, WEB): "",
    (OWNER, COOKBOOK): "",
    (WEB, COOKBOOK): " WITH INHERIT FALSE",
    (OWNER, ROWS): "",
}
GRANTED = "SELECT member::regrole::text, roleid::regrole::text FROM pg_auth_members"
SUPERUSER = "postgres"


def create(server: Postmaster) -> None:
    """Creates missing roles, including roles that were added to ROLES after the data folder was
    made.
    """
    with as_superuser(server, "postgres") as connection:
        create_on(connection)
        _grant_session_statistics(connection)
        reset_settings(connection)


def create_on(connection: psycopg.Connection[Any], *, password: str | None = None) -> None:
    """Creates missing roles, memberships and the database, as a superuser.

    Before Postgres 16 a membership has no option for inheritance, so there the web role inherits
    nothing from any role.
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
    # Triggers of older versions required these memberships.
    with connection.cursor() as cursor:
        for _grantor, revoke in memberships(cursor, owner=OWNER, worker=WORKER):
            cursor.execute(revoke.encode())
    exists = "SELECT 1 FROM pg_database WHERE datname = %s"
    if not connection.execute(exists, [DATABASE]).fetchone():
        create = sql.SQL("CREATE DATABASE {} OWNER {}")
        connection.execute(create.format(sql.Identifier(DATABASE), sql.Identifier(OWNER)))


def revoke_public_rights(server: Postmaster, database: str) -> None:
    """Revokes rights that only a superuser can revoke, and resets settings that Ledger's roles set
    with ALTER ROLE.

    After that, no role can create large objects in this database. Only booking roles can write
    messages into the WAL or end other sessions of their role, and the explorer can execute nothing
    of `kept_from_queries`.
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
    """Grants the owner the statistics for `session_states()`, which the page Database calls. The
    function does not return what the sessions run.
    """
    connection.execute(
        sql.SQL("GRANT {} TO {}").format(
            sql.Identifier(kept_from_queries.STATISTICS), sql.Identifier(OWNER)
        )
    )


def as_superuser(server: Postmaster, database: str) -> psycopg.Connection[Any]:
    """Returns a connection that commits each statement. Close it with `with`."""
    return psycopg.connect(
        host=str(server.socket_dir),
        port=server.port,
        user=SUPERUSER,
        dbname=database,
        autocommit=True,
    )


def reset_settings(connection: psycopg.Connection[Any]) -> None:
    """Removes unexpected settings from Ledger's roles, because Postgres lets every role change its
    own settings with ALTER ROLE, so injected SQL could do it too. Ledger's settings stay, also for
    sessions that start in the meantime.
    """
    # `pg_stat_activity` shows a role what its other sessions run, including the values.
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
