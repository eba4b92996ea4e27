"""`python -m tests.bench.partitions`: the effect of partitions by ranges of UUIDv7 ids.

Creates two tables with the same rows on a separate server, and deletes the server. One table is
plain, and one has a partition per month. Both have the key and the two account indexes of
`transactions`. Prints medians: see docs/scaling.md.
"""

import argparse
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import psycopg

from ledger.embedded.roles import OWNER
from ledger.embedded.server import EmbeddedServer
from tests.ledger.processes import own_data_dir

MONTHS, ACCOUNTS, RUNS = 24, 500, 41
BEGIN = "timestamptz '2024-01-01 00:00:00+00'"
COLUMNS = """(id uuid NOT NULL, from_account_id uuid, to_account_id uuid, amount numeric(19, 4),
    created_at timestamptz NOT NULL, description text)"""
# The first 48 bits of a UUIDv7 are the milliseconds since 1970.
FUNCTIONS = """
CREATE FUNCTION of_moment(moment timestamptz, rest text) RETURNS uuid IMMUTABLE LANGUAGE sql AS $$
    SELECT (lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || rest)::uuid
$$;
CREATE FUNCTION account(number int) RETURNS uuid IMMUTABLE LANGUAGE sql AS $$
    SELECT md5('account ' || number)::uuid
$$"""
LOWEST = "'70008000000000000000'"
FILL = f"""
INSERT INTO plain
SELECT of_moment(moment, '7' || substr(hash, 1, 3) || '8' || substr(hash, 4, 15)),
       account((random() * {ACCOUNTS})::int), account((random() * {ACCOUNTS})::int), 10, moment,
       'Rent of a flat'
FROM (
    SELECT {BEGIN} + number * (interval '{MONTHS} months' / %s) AS moment,
           md5(random()::text) AS hash
    FROM generate_series(1, %s - 1) AS number
) AS moments"""
# Like the view `entries`: without a WHERE in a branch, so that Postgres merges the two indexes.
PAGE = """
SELECT * FROM (
    SELECT id, from_account_id AS account_id, created_at, amount FROM {table}
    UNION ALL SELECT id, to_account_id, created_at, amount FROM {table}
) AS entries WHERE account_id = account(%s) ORDER BY created_at DESC LIMIT 50"""
BY_ID = "SELECT * FROM {table} WHERE id = %s"
BOOK = """
INSERT INTO {table}
SELECT of_moment(moment, '7' || substr(hash, 1, 3) || '8' || substr(hash, 4, 15)),
       account(1), account(2), 10, moment, 'Rent of a flat'
FROM (SELECT {begin} + interval '%s months' - number * interval '1 second' AS moment,
             md5(random()::text) AS hash FROM generate_series(1, 1000) AS number) AS moments"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.partitions")
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with own_data_dir() as data_dir:
        info = EmbeddedServer(data_dir).ensure_started()
        with psycopg.connect(
            host=info.host, port=info.port, user=OWNER, dbname="ledger", autocommit=True
        ) as connection:
            make(connection, rows)
            measure(connection, rows)


def make(connection: psycopg.Connection[Any], rows: int) -> None:
    connection.execute(FUNCTIONS)
    connection.execute(f"CREATE TABLE plain {COLUMNS}".encode())
    connection.execute(f"CREATE TABLE monthly {COLUMNS} PARTITION BY RANGE (id)".encode())
    for month in range(MONTHS):
        bounds = (f"({BEGIN} + interval '{month + step} months')" for step in (0, 1))
        first, last = (f"of_moment({moment}, {LOWEST})" for moment in bounds)
        connection.execute(
            f"CREATE TABLE month_{month} PARTITION OF monthly"
            f" FOR VALUES FROM ({first}) TO ({last})".encode()
        )
    connection.execute(FILL.encode(), [rows, rows])
    connection.execute("INSERT INTO monthly SELECT * FROM plain")
    for table in ("plain", "monthly"):
        connection.execute(f"ALTER TABLE {table} ADD PRIMARY KEY (id)".encode())
        for side in ("from_account_id", "to_account_id"):
            connection.execute(f"CREATE INDEX ON {table} ({side}, created_at)".encode())
    connection.execute("VACUUM ANALYZE")


def measure(connection: psycopg.Connection[Any], rows: int) -> None:
    ids = [id for (id,) in connection.execute("SELECT id FROM plain TABLESAMPLE BERNOULLI (1)")]
    print(f"{rows:,} rows, {MONTHS} partitions; medians of {RUNS} in ms: plain, by month")
    works: dict[str, Callable[[str, int], object]] = {
        "latest 50 entries of an account": lambda table, run: connection.execute(
            PAGE.format(table=table).encode(), [run]
        ).fetchall(),
        "one row by its id": lambda table, run: connection.execute(
            BY_ID.format(table=table).encode(), [ids[run]]
        ).fetchall(),
        "1,000 rows booked in the newest month": lambda table, run: connection.execute(
            BOOK.format(table=table, begin=BEGIN).encode(), [MONTHS]
        ),
    }
    for name, work in works.items():
        times: dict[str, list[float]] = {"plain": [], "monthly": []}
        for run in range(RUNS):
            for table, taken in times.items():
                began = perf_counter()
                work(table, run)
                taken.append((perf_counter() - began) * 1000)
        print(f"{name}: {median(times['plain']):.2f}, {median(times['monthly']):.2f}")
    removals = {
        "the oldest month removed": (
            f"DELETE FROM plain WHERE id < of_moment({BEGIN} + interval '1 month', {LOWEST})",
            "ALTER TABLE monthly DETACH PARTITION month_0",
        )
    }
    for name, statements in removals.items():
        taken = []
        for statement in statements:
            began = perf_counter()
            connection.execute(statement.encode())
            taken.append((perf_counter() - began) * 1000)
        print(f"{name}, once: {taken[0]:.2f}, {taken[1]:.2f}")


if __name__ == "__main__":
    main()
