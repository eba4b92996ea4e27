"""Stores the state of each replica in this process: whether the replica answers, and how much of
the WAL it has replayed.

Note [Probes]: one thread per replica queries the replica every second (`prober.py`) on a separate
connection. Requests use the last answer, so that no request waits for a dead replica. After STALE
seconds without an answer, the replica is not used. When a probe fails, reads that are running on
the replica are ended (`distrusts`): see Note [A server that hangs]. An old answer is safe, because
the position of a running server never goes back. `started` shows whether the server was restarted.

Note [Servers behind a pooler]: each transaction may run in another session, and perhaps on another
server than the server that answered the probe. Therefore each transaction checks its server. The
check follows the first SQL statement, because a transaction with a snapshot must begin with `SET
TRANSACTION`. A SQL statement outside a transaction gets its own transaction.
"""

import threading
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import DatabaseError, Error, connections
from django.db import transaction as db_transaction
from psycopg.pq import TransactionStatus

from ledger.db import counts
from ledger.db.outages import reasons
from ledger.db.replicas import log
from ledger.db.replicas.writer import MARK, Needed
from ledger.db.retry import sqlstate

STALE = 3.0  # seconds
ANSWERS_WITHIN = 2.0  # seconds; a probe begins up to one second after the last answer
# The reasons why a replica is not used, or why a read is repeated. The other reasons are in
# ledger.db.outages.reasons.
NOT_PROBED = "it was not checked yet"
NO_STANDBY = "it is not a standby"
NO_POSITION = "it does not report its position"
TOO_FAR_BEHIND = "it is too far behind"
STOPPED = "the embedded server was stopped"
NOT_ENOUGH = "only the writer can answer"
STARTED = "SELECT pg_postmaster_start_time()"
# A standby is 0 seconds behind if it is connected to its primary and has replayed everything that
# it received. Otherwise it is behind by the age of the last commit that it has replayed.
PROBE = f"""SELECT pg_postmaster_start_time(), pg_is_in_recovery(), {MARK},
    (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint,
    CASE WHEN EXISTS (SELECT FROM pg_stat_wal_receiver)
        AND pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn() THEN 0
    ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float END"""  # noqa: S608 - constants


class ReadAgain(DatabaseError):
    """An error for a read that the replica cannot answer correctly and that must run on the
    writer.
    """


class StoppedServer(Error):
    """An error for a query to an embedded server that is stopped."""


@dataclass(frozen=True, slots=True)
class ReplicaState:
    """The answer of a replica to a probe.

    `started` is the time when the replica's server started. `writer` is the time when the writer
    started, as it is stored in the replica's copy of the table `writer_mark`. `replayed` is the WAL
    position in bytes up to which the replica has replayed. `seconds_behind` is the replica's delay.
    `at` is the monotonic time of the answer.
    """

    started: datetime
    writer: datetime | None
    replayed: int | None
    seconds_behind: float | None
    at: float


class Replica:
    """The state of one replica as this process knows it, and counters of its reads."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.answer: ReplicaState | None = None
        self.why_out = NOT_PROBED
        self.under_way = 0  # number of reads of this process that are running now
        self.reads = self.repeated = 0  # counted since the last line in the log
        self.silent_at = 0.0  # the monotonic time of the last probe without an answer
        self._outside_pool = threading.local()
        self._lock = threading.Lock()

    def probe(self) -> None:
        """Queries the replica and updates its state. The replica is not used if it does not answer,
        is not a standby, or is too far behind.
        """
        try:
            answer, is_standby = self._query_reconnecting()
        except Error as error:
            self.leave_out(reason_for(error))
            return
        if not is_standby:  # a promoted standby, or an old primary that no longer gets writes
            self._connection.close()  # the next connection may be to another server
            self.leave_out(NO_STANDBY)
        elif answer.replayed is None or answer.seconds_behind is None:
            self.leave_out(NO_POSITION)
        elif answer.seconds_behind > settings.DATABASE_REPLICA_MAX_LAG:
            self.leave_out(TOO_FAR_BEHIND, answer)
        else:
            was_out, self.answer, self.why_out = bool(self.why_out), answer, ""
            if was_out:
                log.write("replica.in_use", self.alias)

    def _query_reconnecting(self) -> tuple[ReplicaState, bool]:
        """Queries the replica. If an existing connection is broken, tries once more on a new
        connection. Returns the answer, and whether the server is a standby.
        """
        is_old = self._connection.connection is not None
        try:
            return self._query()
        except Error:
            self._distrust_connections()
            if not is_old:
                raise
        try:
            return self._query()
        except Error:
            self._distrust_connections()
            raise

    @property
    def _connection(self) -> Any:
        """This thread's connection for probes, which is never a connection of the pool for
        requests.
        """
        found: Any = connections[self.alias]
        if not found.settings_dict["OPTIONS"].get("pool"):
            return found
        if not hasattr(self._outside_pool, "connection"):
            self._outside_pool.connection = found.copy()
            self._outside_pool.connection.settings_dict["OPTIONS"].pop("pool")
        return self._outside_pool.connection

    def _distrust_connections(self) -> None:
        """Closes the connection for probes. Marks every other connection that is open now as
        unusable until it is checked again.
        """
        self._connection.close()
        self.silent_at = time.monotonic()
        database: Any = connections[self.alias]
        database.distrust_pool()

    def close(self) -> None:
        """Closes this thread's connection for probes."""
        self._connection.close()

    def _query(self) -> tuple[ReplicaState, bool]:
        connection = self._connection
        if (server := connection.embedded_server) and not server.is_running():
            raise StoppedServer  # a probe must not start the server
        connection.ensure_connection()
        with connection.raw.limited_to(ANSWERS_WITHIN), connection.cursor() as cursor:
            cursor.execute(PROBE)
            started, is_standby, writer, replayed, seconds = cursor.fetchone()
        return ReplicaState(started, writer, replayed, seconds, time.monotonic()), is_standby

    def leave_out(self, why: str, answer: ReplicaState | None = None) -> None:
        """Stops using the replica until a probe succeeds. `why` is the reason for the log."""
        was, self.answer, self.why_out = self.why_out, answer, why
        if was != why:
            log.write("replica.left_out", self.alias, reason=why)

    def can_serve(self, needed: Needed) -> bool:
        """Returns whether requests can use the replica: it answers, follows the current writer, and
        has replayed the WAL up to the position in `needed`.
        """
        answer = self.answer
        if answer is None or self.why_out or time.monotonic() - answer.at > STALE:
            return False
        if needed.writer is None or answer.writer != needed.writer:
            return False  # Note [Writer's mark]
        return needed.position is None or (answer.replayed or 0) >= needed.position

    def distrusts(self, raw: Any) -> bool:
        """Returns whether a probe has failed since this psycopg connection was opened or last
        checked. The server of such a connection may hang.
        """
        return bool(raw.answered_at < self.silent_at)

    def is_same_server(self, raw: Any) -> bool:
        """Returns whether this psycopg connection is to the server that answered the last probe.
        Returns False if the server has restarted since then.
        """
        started = getattr(raw, "ledger_server_started", None)
        if started is None:
            raw.ledger_server_started = started = _started(raw)
        return self.answer is not None and started == self.answer.started

    def check_each(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        """Runs a SQL statement and returns its result. Also checks once per transaction that the
        transaction runs on the server that answered the probe: see Note [Servers behind a pooler].
        This method is a Django execute wrapper for connections to a pooler.

        Raises ReadAgain if the transaction runs on another server.
        """
        database = context["connection"]
        if not database.in_atomic_block:
            with db_transaction.atomic(using=self.alias):
                return self.check_each(execute, sql, params, many, context)
        is_first = database.raw.pgconn.transaction_status == TransactionStatus.IDLE
        result = execute(sql, params, many, context)
        if is_first:
            with database.wrap_database_errors:
                started = _started(database.raw)
            if self.answer is None or started != self.answer.started:
                raise ReadAgain
        return result

    def begin(self) -> None:
        with self._lock:
            self.under_way += 1
            self.reads += 1
        counts.REPLICA_READS.labels(self.alias).inc()

    def end(self) -> None:
        with self._lock:
            self.under_way -= 1


def reason_for(error: Error) -> str:
    """Returns why a replica failed, as a text without host names."""
    if isinstance(error, StoppedServer):
        return STOPPED
    if isinstance(error, ReadAgain):
        return NOT_ENOUGH
    state = sqlstate(error)
    why = reasons.for_everybody(error) or reasons.Reason.OTHER.value
    return f"{why} ({state})" if state else why


def _started(raw: Any) -> datetime:
    """Returns the time when the server of this psycopg connection started."""
    found: datetime = raw.execute(STARTED, prepare=False).fetchone()[0]
    return found
