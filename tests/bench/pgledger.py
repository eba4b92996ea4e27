"""pgledger's transfer function, if the person who runs the bench names a checkout of it.

Nothing of it is in this repository: `make bench PGLEDGER=DIR` loads its SQL from DIR.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection

from tests.bench.rounds import paced
from tests.bench.samples import dice, some_amount
from tests.bench.servers import admin, new_database
from tests.bench.workers import Workers, start_workers

DATABASE = "pgledger"
FILES = ("vendor/scoville-pgsql-ulid/uuid-to-ulid.sql", "pgledger.sql")
NOT_GIVEN = "not given: make bench PGLEDGER=DIR, a checkout of pgledger"


def read_files(directory: Path) -> list[str]:
    """The SQL to load. Ends the program with one sentence if a file is missing."""
    try:
        return [(directory / name).read_text(encoding="utf-8") for name in FILES]
    except OSError as error:
        sys.exit(f"PGLEDGER must be a checkout of pgledger: {error}")


@contextmanager
def pgledger_workers(directory: Path, count: int, accounts: int) -> Iterator[Workers]:
    """Workers with pgledger's tables and accounts in a database of its own."""
    with new_database(DATABASE, "template1"):
        with admin(DATABASE) as server:
            for text in read_files(directory):
                server.execute(text.encode())
            server.execute(
                "SELECT pgledger_create_account('Account ' || number, 'USD')"
                " FROM generate_series(1, %s) AS number",
                [accounts],
            )
            server.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC")
        with start_workers(count, DATABASE) as workers:
            yield workers


def pay(worker: int, seconds: float, **place: Any) -> float:
    """A job: transfers a second between accounts at random, by psycopg, prepared.

    `place` are settings of the connection that differ, such as host and port of a proxy.
    """
    with psycopg.connect(
        **{**connection.get_connection_params(), "cursor_factory": psycopg.Cursor, **place},
        autocommit=True,
    ) as server:
        server.prepare_threshold = 0
        known = [id for (id,) in server.execute("SELECT id FROM pgledger_accounts_view")]

        def step() -> None:
            sender, recipient = dice.sample(known, 2)
            server.execute(
                "SELECT * FROM pgledger_create_transfer(%s, %s, %s)",
                [sender, recipient, some_amount()],
            ).fetchone()

        return paced(step, seconds)
