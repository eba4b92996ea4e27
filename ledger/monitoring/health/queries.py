"""The queries of the page "Database" for Postgres 15 to 18. Each query has a named tuple for its
rows.

The string below a query contains the system view and its documentation page, relative to
https://www.postgresql.org/docs/current/. All queries are about the database of the connection and
have no parameters. They work on a standby, and behind a pooler in transaction mode.
"""

import re
from typing import NamedTuple

from ledger.db.server.versions import HAS_TRANSACTION_TIMEOUT

MAX_ROWS = 20  # maximum number of rows of a list on the page
MAX_TABLES = 1000  # maximum number of tables that are read


class ServerFacts(NamedTuple):
    """The only row that the query SERVER returns."""

    version: str
    database: str
    role: str
    owner: str | None  # the owner of the tables
    is_standby: bool
    counted_seconds: float | None  # seconds since the counters were reset; None: never reset

    @property
    def ends_long_transactions(self) -> bool:
        """Whether this server version supports `transaction_timeout`."""
        major = re.match(r"\d+", self.version)
        return major is not None and int(major[0]) * 10000 >= HAS_TRANSACTION_TIMEOUT


SERVER = """
SELECT current_setting('server_version'), current_database()::text, current_user::text,
  (SELECT pg_get_userbyid(relowner)::text FROM pg_class
   WHERE oid = to_regclass('public.django_migrations')),
  pg_is_in_recovery(),
  extract(epoch FROM clock_timestamp() - stats_reset)::float
FROM pg_stat_database
WHERE datname = current_database()
""".strip()
"""pg_stat_database: monitoring-stats.html#MONITORING-PG-STAT-DATABASE-VIEW"""


class LockWait(NamedTuple):
    """A session that waits for a lock. `blockers` contains the process ids of the blocking
    sessions. The id 0 means a prepared transaction.
    """

    pid: int
    kind: str
    mode: str
    relation: str | None
    waited_seconds: float | None
    blockers: list[int]


# A session that waits because another transaction changed the same row has, or waits for, a lock of
# the type `tuple`. The row of this lock in pg_locks contains the table.
WAITS = f"""
WITH locks AS MATERIALIZED (SELECT * FROM pg_locks),
waiting AS (
  SELECT locks.*, coalesce(locks.relation, (
    SELECT min(of_row.relation::bigint)::oid FROM locks AS of_row
    WHERE of_row.pid = locks.pid AND of_row.locktype = 'tuple'
  )) AS at_relation
  FROM locks JOIN pg_stat_activity AS session USING (pid)
  WHERE NOT locks.granted AND session.datname = current_database()
)
SELECT pid, locktype, mode, relname::text,
  extract(epoch FROM clock_timestamp() - waitstart)::float, pg_blocking_pids(pid)
FROM waiting LEFT JOIN pg_class ON pg_class.oid = at_relation
ORDER BY waitstart NULLS LAST, pid
LIMIT {MAX_ROWS}
""".strip()  # noqa: S608 - a constant
"""pg_locks: view-pg-locks.html; pg_blocking_pids: functions-info.html#FUNCTIONS-INFO-SESSION"""


class OpenSession(NamedTuple):
    """A row of `session_states()`. Durations are in seconds, or None if the session does not report
    them.
    """

    pid: int
    role: str | None
    application: str
    kind: str
    state: str | None
    is_hidden: bool
    wait: str | None
    open_seconds: float | None
    asked_seconds: float | None
    idle_seconds: float | None
    xid_age: int | None
    xmin_age: int | None
    query_id: int | None


# session_states() is a SQL function of Ledger (ledger_db migration 0002). The function runs with
# the rights of the table owner, and does not return the SQL statements of the sessions.
SESSIONS = """
SELECT pid, role::text, application, kind, state, is_hidden, wait,
  extract(epoch FROM clock_timestamp() - began_at)::float,
  extract(epoch FROM clock_timestamp() - asked_at)::float,
  extract(epoch FROM clock_timestamp() - changed_at)::float, xid_age, xmin_age, query_id
FROM public.session_states()
ORDER BY began_at NULLS LAST, pid
LIMIT 1000
""".strip()
"""pg_stat_activity: monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW"""


class PreparedTransaction(NamedTuple):
    """A transaction that was prepared for two-phase commit and is still open."""

    name: str
    role: str
    open_seconds: float
    xid_age: int


PREPARED = f"""
SELECT gid, owner::text, extract(epoch FROM clock_timestamp() - prepared)::float, age(transaction)
FROM pg_prepared_xacts
WHERE database = current_database()
ORDER BY prepared
LIMIT {MAX_ROWS}
""".strip()  # noqa: S608 - a constant
"""pg_prepared_xacts: view-pg-prepared-xacts.html"""


class Extension(NamedTuple):
    """The extension `pg_stat_statements`: its available version, its installed version and its
    schema.
    """

    available: str | None
    installed: str | None
    schema: str | None


EXTENSION = """
SELECT (SELECT default_version FROM pg_available_extensions WHERE name = 'pg_stat_statements'),
  extversion, nspname::text
FROM (SELECT) AS one LEFT JOIN pg_extension ON extname = 'pg_stat_statements'
  LEFT JOIN pg_namespace ON pg_namespace.oid = extnamespace
""".strip()
"""pg_available_extensions: view-pg-available-extensions.html; pgstatstatements.html"""


class Statement(NamedTuple):
    """The statistics of a SQL statement of one role. Times are in milliseconds. `share` is the
    statement's part of the total time, from 0 to 1.

    If this login may not see the statements of a role, one row contains the sums of all statements
    of the role. In this row, `query_id` and `text` are None.
    """

    role: str
    query_id: int | None
    text: str | None
    kinds: int
    calls: int
    total_ms: float
    mean_ms: float
    rows: int
    hit_ratio: float | None
    share: float | None


# The columns exist in version 1.9 (Postgres 14) and all later versions. Statements inside functions
# are not included, because their time is part of the calling statement.
STATEMENTS = """
WITH seen AS MATERIALIZED (
  SELECT pg_get_userbyid(userid)::text AS role, queryid,
    CASE WHEN queryid IS NOT NULL THEN left(query, 10000) END AS query,
    calls, total_exec_time, rows, shared_blks_hit, shared_blks_read
  FROM {schema}.pg_stat_statements
  WHERE toplevel AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
)
SELECT role, queryid, min(query), count(*)::int, sum(calls)::bigint AS calls,
  sum(total_exec_time) AS total, sum(total_exec_time) / greatest(sum(calls), 1) AS mean,
  sum(rows)::bigint AS rows,
  (sum(shared_blks_hit) / nullif(sum(shared_blks_hit + shared_blks_read), 0))::float,
  sum(total_exec_time) / nullif((SELECT sum(total_exec_time) FROM seen), 0)
FROM seen
GROUP BY role, queryid
ORDER BY queryid IS NOT NULL, {order} DESC
LIMIT {most}
"""
"""pg_stat_statements: pgstatstatements.html"""
ORDERS = {"total": "total", "mean": "mean", "calls": "calls", "rows": "rows"}

TEXTS = """
SELECT queryid, min(left(query, 10000)) FROM {schema}.pg_stat_statements
WHERE queryid = ANY ({query_ids}) GROUP BY queryid
"""


def statements(schema: str, order: str) -> str:
    """Returns the query STATEMENTS for the extension in this schema. `order` is a key of ORDERS.
    The rows with the highest value come first.
    """
    return STATEMENTS.format(schema=_quoted(schema), order=ORDERS[order], most=MAX_ROWS).strip()


def texts(schema: str, query_ids: list[int]) -> str:
    """Returns a query for the texts of the statements with these ids."""
    ids = f"'{{{', '.join(str(int(each)) for each in query_ids)}}}'"
    return TEXTS.format(schema=_quoted(schema), query_ids=ids).strip()


class KnownText(NamedTuple):
    """A row that the query TEXTS returns."""

    query_id: int
    text: str


class StatementCounts(NamedTuple):
    """The number of times that Postgres removed rarely used statements to free space, and the
    number of seconds since counting began.
    """

    dropped: int
    counted_seconds: float


def statement_counts(schema: str) -> str:
    """Returns a query for pg_stat_statements_info. The row is a StatementCounts.

    Source: pgstatstatements.html#PGSTATSTATEMENTS-PG-STAT-STATEMENTS-INFO
    """
    return (
        "SELECT dealloc, extract(epoch FROM clock_timestamp() - stats_reset)::float\n"  # noqa: S608
        f"FROM {_quoted(schema)}.pg_stat_statements_info"
    )


class TableFacts(NamedTuple):
    """A table with its row counts and sizes. Sizes are in bytes, or None while the whole table is
    locked. `limit` is the number of dead rows at which autovacuum begins. `dead_bytes` is an
    estimate.
    """

    name: str
    live: int
    dead: int
    limit: float
    vacuumed_seconds: float | None
    analyzed_seconds: float | None
    changed: int
    size: int | None
    index_size: int | None
    dead_bytes: float | None
    has_autovacuum: bool


# A query for the size of a table waits if another session, such as a migration, has locked the
# whole table. Therefore this query skips the sizes of such tables. Only the locktype `relation`
# means a lock on the whole table: a session that waits for a row has an AccessExclusiveLock of the
# locktype `tuple`.
TABLES = f"""
WITH locked AS MATERIALIZED (
  SELECT relation FROM pg_locks
  WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
),
own AS (
  SELECT pg_class.oid, max(option_value) FILTER (WHERE option_name = 'autovacuum_enabled') AS is_on,
    max(option_value) FILTER (WHERE option_name = 'autovacuum_vacuum_threshold') AS fewest,
    max(option_value) FILTER (WHERE option_name = 'autovacuum_vacuum_scale_factor') AS factor
  FROM pg_class, pg_options_to_table(reloptions) GROUP BY pg_class.oid
),
found AS (
  SELECT stat.*, CASE WHEN schemaname = 'public' THEN stat.relname::text
      ELSE schemaname || '.' || stat.relname END AS name,
    coalesce(fewest, current_setting('autovacuum_vacuum_threshold'))::float
    + coalesce(factor, current_setting('autovacuum_vacuum_scale_factor'))::float
    * greatest(reltuples, 0) AS threshold,
    -- Counts start again after a failover or a crash. The estimate of the last ANALYZE remains.
    greatest(n_live_tup, CASE WHEN coalesce(last_vacuum, last_autovacuum, last_analyze,
      last_autoanalyze) IS NULL THEN reltuples::bigint END) AS live,
    coalesce(is_on, current_setting('autovacuum')) NOT IN ('off', 'false', '0') AS is_on,
    CASE WHEN NOT EXISTS (SELECT FROM locked WHERE relation IN (relid, reltoastrelid))
      THEN pg_table_size(relid) END AS size,
    CASE WHEN NOT EXISTS (SELECT FROM locked WHERE relation = relid OR relation IN
      (SELECT indexrelid FROM pg_index WHERE indrelid = relid))
      THEN pg_indexes_size(relid) END AS index_size
  FROM pg_stat_user_tables AS stat JOIN pg_class ON pg_class.oid = relid
    LEFT JOIN own ON own.oid = relid
),
capped AS (
  SELECT *, least(threshold,
    nullif(current_setting('autovacuum_vacuum_max_threshold', true), '-1')::float) AS ceiling
  FROM found
)
SELECT name, live, n_dead_tup, ceiling,
  extract(epoch FROM clock_timestamp() - greatest(last_vacuum, last_autovacuum))::float,
  extract(epoch FROM clock_timestamp() - greatest(last_analyze, last_autoanalyze))::float,
  n_mod_since_analyze, size, index_size,
  size * n_dead_tup / nullif(live + n_dead_tup, 0)::float, is_on
FROM capped
ORDER BY name
LIMIT {MAX_TABLES}
""".strip()  # noqa: S608 - a constant
"""pg_stat_user_tables: monitoring-stats.html#MONITORING-PG-STAT-ALL-TABLES-VIEW; when autovacuum
begins: routine-vacuuming.html#AUTOVACUUM"""


class UnusedIndex(NamedTuple):
    """An index that no query has used since the server began to count."""

    name: str
    table: str
    size: int | None


# Indexes that enforce a rule are not included: primary keys, unique indexes and exclusion
# constraints.
UNUSED_INDEXES = f"""
WITH locked AS MATERIALIZED (
  SELECT relation FROM pg_locks
  WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
SELECT indexrelname::text,
  CASE WHEN schemaname = 'public' THEN relname::text ELSE schemaname || '.' || relname END,
  CASE WHEN NOT EXISTS (SELECT FROM locked WHERE relation IN (relid, indexrelid))
    THEN pg_relation_size(indexrelid) END AS size
FROM pg_stat_user_indexes JOIN pg_index USING (indexrelid)
WHERE idx_scan = 0 AND NOT indisunique
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
ORDER BY size DESC NULLS LAST, indexrelname
LIMIT {MAX_ROWS}
""".strip()  # noqa: S608 - a constant
"""pg_stat_user_indexes: monitoring-stats.html#MONITORING-PG-STAT-ALL-INDEXES-VIEW"""


class FreezeFacts(NamedTuple):
    """The age of the oldest row that is perhaps not frozen yet, and the age at which autovacuum
    freezes a table even if autovacuum is off for this table. An age is a number of transactions.
    """

    xid_age: int
    xid_limit: int
    multixact_age: int
    multixact_limit: int
    oldest_table: str | None


FREEZE = """
SELECT age(datfrozenxid), current_setting('autovacuum_freeze_max_age')::int,
  mxid_age(datminmxid), current_setting('autovacuum_multixact_freeze_max_age')::int,
  (SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'm', 't')
   ORDER BY age(relfrozenxid) DESC LIMIT 1)
FROM pg_database
WHERE datname = current_database()
""".strip()
"""pg_database, pg_class: routine-vacuuming.html#VACUUM-FOR-WRAPAROUND"""


class HeldBack(NamedTuple):
    """A replication slot that prevents the removal of dead rows. `xmin_age` is the age of the
    oldest transaction that the slot needs, as a number of transactions.
    """

    slot: str
    is_active: bool
    xmin_age: int


SLOTS = f"""
SELECT slot_name::text, active, greatest(age(xmin), age(catalog_xmin)) AS kept
FROM pg_replication_slots
WHERE xmin IS NOT NULL OR catalog_xmin IS NOT NULL
ORDER BY kept DESC
LIMIT {MAX_ROWS}
""".strip()  # noqa: S608 - a constant
"""pg_replication_slots: view-pg-replication-slots.html"""


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
