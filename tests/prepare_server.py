"""Prepares an external server for the tests: roles, and rights that only a superuser can grant.

    python -m tests.prepare_server postgresql://postgres:...@localhost:5432/postgres

Creates the roles of docs/rights.md with the password "ledger". The owner may create test databases.
Then `make test-server` with DATABASE_URL=postgresql://ledger:ledger@localhost:5432/ledger runs the
tests on this server. Use this only for a server without other data, because the template of new
databases is changed.
"""

import sys

import psycopg
from psycopg.conninfo import make_conninfo

from ledger.db.rights.grants import LARGE_OBJECTS
from ledger.embedded.roles import DATABASE, create_on, reset_settings

PASSWORD = "ledger"


def prepare(url: str) -> None:
    """Creates the missing roles and rights. A second call changes nothing."""
    with psycopg.connect(url, autocommit=True) as connection:
        create_on(connection, password=PASSWORD)
        reset_settings(connection)
    for database in (DATABASE, "template1"):
        with psycopg.connect(make_conninfo(url, dbname=database), autocommit=True) as connection:
            for (revoke,) in connection.execute(LARGE_OBJECTS).fetchall():
                connection.execute(revoke)


if __name__ == "__main__":
    prepare(sys.argv[1])
