"""Prepares a server of one's own for the tests: roles, and rights that only a superuser takes.

    python -m tests.prepare_server postgresql://postgres:...@localhost:5432/postgres

Makes the roles of docs/rights.md, the owner with the right to create test databases, all of them
with the password "ledger". Then `make test-server` with
DATABASE_URL=postgresql://ledger:ledger@localhost:5432/ledger runs the tests there. Only for a
server that holds nothing else: the template of new databases is changed.
"""

import sys

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from ledger.db.rights import LARGE_OBJECTS
from ledger.db.roles import DATABASE, MEMBERSHIPS, OWNER, ROLES, WEB

PASSWORD = "ledger"
MEMBERSHIPS_KNOW_INHERIT = 160000


def prepare(url: str) -> None:
    """Makes what is missing; run again, it changes nothing more."""
    with psycopg.connect(url, autocommit=True) as connection:
        known = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
        for role, rights in ROLES.items():
            if role not in known:
                make = sql.SQL("CREATE ROLE {} " + rights + " PASSWORD {}")
                connection.execute(make.format(sql.Identifier(role), sql.Literal(PASSWORD)))
        is_old = connection.info.server_version < MEMBERSHIPS_KNOW_INHERIT
        for (member, role), options in MEMBERSHIPS.items():
            grant = sql.SQL("GRANT {} TO {}" + ("" if is_old else options))
            connection.execute(grant.format(sql.Identifier(role), sql.Identifier(member)))
        if is_old:
            connection.execute(sql.SQL("ALTER ROLE {} NOINHERIT").format(sql.Identifier(WEB)))
        databases = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
        if DATABASE not in databases:
            make = sql.SQL("CREATE DATABASE {} OWNER {}")
            connection.execute(make.format(sql.Identifier(DATABASE), sql.Identifier(OWNER)))
    for database in (DATABASE, "template1"):
        with psycopg.connect(make_conninfo(url, dbname=database), autocommit=True) as connection:
            for (revoke,) in connection.execute(LARGE_OBJECTS).fetchall():
                connection.execute(revoke)


if __name__ == "__main__":
    prepare(sys.argv[1])
