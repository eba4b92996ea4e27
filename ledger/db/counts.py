"""Metrics for `/metrics` about database connections, retries and replicas."""

from ledger.metrics.kinds import Counter, Gauge, Histogram

RETRIES = Counter(
    "ledger_db_retries_total",
    "Database transactions that ran again, by what became of the run before.",
    ["reason"],
)
GIVEN_UP = Counter(
    "ledger_db_given_up_total",
    "Database transactions that failed after all their tries, or could not be tried again.",
    ["reason"],
)
UNKNOWN_OUTCOMES = Counter(
    "ledger_db_unknown_outcomes_total",
    "Work of which nobody knew in the end whether it was committed.",
)
UNCONFIRMED = Counter(
    "ledger_db_unconfirmed_commits_total",
    "Commits that the synchronous standby did not confirm.",
)
FAILURES = ("lost_race", "not_started", "unknown", "timed_out")

POOL = ["database"]
POOL_IN_USE = Gauge("ledger_pool_connections_in_use", "Connections taken from the pool.", POOL)
POOL_OPEN = Gauge("ledger_pool_connections", "Connections of the pool, in use or not.", POOL)
POOL_MAX = Gauge("ledger_pool_connections_max", "Most connections of the pool.", POOL)
POOL_WAITING = Gauge("ledger_pool_waiting", "Threads that wait for a connection.", POOL)
POOL_WAIT = Histogram(
    "ledger_pool_wait_seconds",
    "How long a request waited for a connection of the pool.",
    POOL,
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10),
)
POOL_REFUSED = Counter(
    "ledger_pool_refused_total", "Requests for which the pool had no connection.", POOL
)

REPLICA_READS = Counter("ledger_replica_reads_total", "Reads sent to a replica.", ["replica"])
REPLICA_REPEATED = Counter(
    "ledger_replica_repeated_reads_total",
    "Reads of a replica that the writer had to repeat.",
    ["replica"],
)

for _failure in FAILURES:  # start at 0, so that the first failure is visible as an increase
    if _failure != "timed_out":
        RETRIES.labels(_failure)
    GIVEN_UP.labels(_failure)
