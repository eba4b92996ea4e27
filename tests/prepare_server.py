"""Prepares a server of one's own for the tests: roles, and rights that only a superuser takes.

    python -m tests.prepare_server postgresql://postgres:...@localhost:5432/postgres

Makes the roles of docs/rights.md, the owner with the right to create test databases, all of them
with the password "ledger". Then `make test-server` with
DATABASE_URL=postgresql://ledger:ledger@localhost:5432/ledger runs the tests there. Only for a
server that holds nothing else: the template of new databases is changed.
"""

import sys

import psycopg
from psycopg.conninfo import make_conninfo

from ledger.db.rights.grants import LARGE_OBJECTS
from ledger.embedded.roles import DATABASE, create_on, reset_settings

PASSWORD = "ledger"


def prepare(url: str) -> None:
    """Makes what is missing; run again, it changes nothing more."""
    with psycopg.connect(url, autocommit=True) as connection:
        create_on(connection, password=PASSWORD)
        reset_settings(connection)
    for database in (DATABASE, "template1"):
        with psycopg.connect(make_conninfo(url, dbname=database), autocommit=True) as connection:
            for (revoke,) in connection.execute(LARGE_OBJECTS).fetchall():
                connection.execute(revoke)


if __name__ == "__main__":
    prepare(sys.argv[1])
