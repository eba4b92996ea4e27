"""pgledger's transfer function, if the person who runs the bench names a checkout of pgledger.

This repository contains no code of pgledger: `make bench PGLEDGER=DIR` loads its SQL from DIR.
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
    """Returns the SQL to load. Ends the program with a message if a file is missing."""
    try:
        return [(directory / name).read_text(encoding="utf-8") for name in FILES]
    except OSError as error:
        sys.exit(f"PGLEDGER must be a checkout of pgledger: {error}")


@contextmanager
def pgledger_workers(directory: Path, count: int, accounts: int) -> Iterator[Workers]:
    """Starts workers with pgledger's tables and accounts in a separate database."""
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
    """Returns transfers per second between random accounts, with prepared statements of psycopg.
    This is a job for workers.

    `place` contains other settings of the connection, such as the host and port of a proxy.
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
