"""Metrics of the database server that the web role can read: connections, locks, deadlocks, and the
age of the oldest transaction.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import psycopg
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from ledger.monitoring.first_seen import seconds_since

# Note [Oldest transaction]: the web role cannot see the SQL statements and start times of other
# roles, and its own sessions do not report them (docs/rights.md). But a transaction that has
# written has a lock on its own id, and every role can see this lock. `/metrics` measures the age of
# the transaction from the first time that it saw the lock. Therefore the result may be too low by
# the time between two requests. For a transaction that only reads, the start time is known only if
# the server shows it to the web role.
SERVER = """WITH locks AS MATERIALIZED (
    SELECT granted, mode = 'ExclusiveLock' AS is_own, transactionid FROM pg_locks
)
SELECT here.numbackends, (SELECT sum(numbackends) FROM pg_stat_database),
    current_setting('max_connections')::int, here.xact_commit, here.xact_rollback, here.deadlocks,
    (SELECT count(*) FROM locks WHERE NOT granted),
    (SELECT transactionid::text FROM locks WHERE granted AND is_own AND transactionid IS NOT NULL
     ORDER BY age(transactionid) DESC LIMIT 1),
    extract(epoch FROM clock_timestamp())::float,
    (SELECT extract(epoch FROM clock_timestamp() - min(xact_start))::float FROM pg_stat_activity
     WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'),
    pg_is_in_recovery()
FROM pg_stat_database AS here
WHERE here.datname = current_database()"""
OLDEST = "oldest_transaction"


class ServerFigures(NamedTuple):
    """The single row that the query SERVER returns. `oldest` is the id of the oldest transaction
    that has written. `now` is the server's time in seconds since 1970.
    """

    connections: int
    all_connections: int
    most_connections: int
    committed: int
    rolled_back: int
    deadlocks: int
    waiting: int
    oldest: str | None
    now: float
    longest_seconds: float | None
    is_standby: bool


def figures(found: psycopg.Connection[Any]) -> ServerFigures:
    """Runs the query SERVER and returns its only row."""
    return ServerFigures(*found.execute(SERVER).fetchone() or ())


def families(figures: ServerFigures) -> Iterator[Metric]:
    """Yields the metrics of the database server."""
    yield GaugeMetricFamily(
        "ledger_db_connections", "Connections to this database, of all programs.",
        figures.connections,
    )  # fmt: skip
    yield GaugeMetricFamily(
        "ledger_db_server_connections", "Connections to all databases of the server.",
        figures.all_connections,
    )  # fmt: skip
    yield GaugeMetricFamily(
        "ledger_db_connections_max", "Most connections that the server takes.",
        figures.most_connections,
    )  # fmt: skip
    ended = CounterMetricFamily(
        "ledger_db_transactions", "Transactions of this database.", labels=["outcome"]
    )
    ended.add_metric(["committed"], figures.committed)
    ended.add_metric(["rolled_back"], figures.rolled_back)
    yield ended
    yield CounterMetricFamily(
        "ledger_db_deadlocks", "Deadlocks that the server has ended.", figures.deadlocks
    )
    yield GaugeMetricFamily(
        "ledger_db_waiting_locks", "Locks that sessions wait for.", figures.waiting
    )
    yield GaugeMetricFamily(
        "ledger_db_oldest_transaction_seconds",
        "How long the oldest transaction has been running.",
        max(figures.longest_seconds or 0.0, seconds_since(OLDEST, figures.oldest, figures.now)),
    )
    yield GaugeMetricFamily(
        "ledger_db_writable", "1: the server takes writes; 0: it is a standby.",
        float(not figures.is_standby),
    )  # fmt: skip
