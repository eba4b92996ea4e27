"""The state of each replica in this process: whether it answers, and how far it has replayed.

Note [Probes]: a thread for each replica queries the replica every second (`prober.py`), on a
separate connection. So no request waits for a dead replica, or queries a replica for its position:
the last answer counts. After STALE seconds without an answer, the replica is left out. As soon as a
probe fails, reads that run on the replica are ended (`distrusts`): see Note [A server that hangs].
A position never goes back while a server runs, so it is safe to use an old answer; `started` shows
that it is still the same server.

Note [Servers behind a pooler]: each transaction may run in another session of the server, and the
pooler may have connected it to another server than the one that answered the probe. So each
transaction checks which server it reached. The check comes after the first statement, because a
snapshot must start with `SET TRANSACTION`. A statement outside a transaction is wrapped in a
transaction.
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
# The reasons why a replica is left out or a read is repeated, in addition to the reasons of
# ledger.db.outages.reasons.
NOT_PROBED = "it was not checked yet"
NO_STANDBY = "it is not a standby"
NO_POSITION = "it does not report its position"
TOO_FAR_BEHIND = "it is too far behind"
STOPPED = "the embedded server was stopped"
NOT_ENOUGH = "only the writer can answer"
STARTED = "SELECT pg_postmaster_start_time()"
# A standby is 0 seconds behind if it is connected to its primary and has replayed everything it
# received. Otherwise it is behind by the age of the last commit that it has replayed.
PROBE = f"""SELECT pg_postmaster_start_time(), pg_is_in_recovery(), {MARK},
    (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint,
    CASE WHEN EXISTS (SELECT FROM pg_stat_wal_receiver)
        AND pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn() THEN 0
    ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float END"""  # noqa: S608 - constants


class ReadAgain(DatabaseError):
    """An error for a read that a replica cannot serve. The writer must answer instead."""


class StoppedServer(Error):
    """An error for an embedded server that was stopped."""


@dataclass(frozen=True, slots=True)
class ReplicaState:
    """The answer of a replica to a probe.

    `started` is the start time of its server. `writer` is the start time in the writer's mark that
    it has replayed. `replayed` is the byte of WAL up to which it has replayed, `seconds_behind` its
    delay, and `at` the monotonic time of the answer.
    """

    started: datetime
    writer: datetime | None
    replayed: int | None
    seconds_behind: float | None
    at: float


class Replica:
    """The state of one replica in this process."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.answer: ReplicaState | None = None
        self.why_out = NOT_PROBED
        self.under_way = 0  # running reads of this process
        self.reads = self.repeated = 0  # since the last line in the log
        self.silent_at = 0.0  # the monotonic time when it last failed to answer
        self._outside_pool = threading.local()
        self._lock = threading.Lock()

    def probe(self) -> None:
        """Queries the replica, and leaves it out if it does not answer or is not a standby."""
        try:
            answer, is_standby = self._query_reconnecting()
        except Error as error:
            self.leave_out(reason_for(error))
            return
        if not is_standby:  # promoted, or an old primary that no longer gets writes
            self._connection.close()  # the next connection may lead to another server
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
        """Queries the replica, and once more on a new connection if the old one broke, as after a
        restart.
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
        """The connection for probes in this thread. It never comes from the pool that requests
        share.
        """
        found: Any = connections[self.alias]
        if not found.settings_dict["OPTIONS"].get("pool"):
            return found
        if not hasattr(self._outside_pool, "connection"):
            self._outside_pool.connection = found.copy()
            self._outside_pool.connection.settings_dict["OPTIONS"].pop("pool")
        return self._outside_pool.connection

    def _distrust_connections(self) -> None:
        """Makes all connections that were opened or checked before now unusable."""
        self._connection.close()
        self.silent_at = time.monotonic()
        database: Any = connections[self.alias]
        database.distrust_pool()

    def close(self) -> None:
        """Closes the connection for probes."""
        self._connection.close()

    def _query(self) -> tuple[ReplicaState, bool]:
        connection = self._connection
        if (server := connection.embedded_server) and not server.is_running():
            raise StoppedServer  # a probe does not start the server
        connection.ensure_connection()
        with connection.raw.limited_to(ANSWERS_WITHIN), connection.cursor() as cursor:
            cursor.execute(PROBE)
            started, is_standby, writer, replayed, seconds = cursor.fetchone()
        return ReplicaState(started, writer, replayed, seconds, time.monotonic()), is_standby

    def leave_out(self, why: str, answer: ReplicaState | None = None) -> None:
        """Stops using the replica until the next probe that it answers."""
        was, self.answer, self.why_out = self.why_out, answer, why
        if was != why:
            log.write("replica.left_out", self.alias, reason=why)

    def can_serve(self, needed: Needed) -> bool:
        """Returns whether the replica answers, follows the current writer, and has replayed what is
        needed.
        """
        answer = self.answer
        if answer is None or self.why_out or time.monotonic() - answer.at > STALE:
            return False
        if needed.writer is None or answer.writer != needed.writer:
            return False  # Note [Writer's mark]
        return needed.position is None or (answer.replayed or 0) >= needed.position

    def distrusts(self, raw: Any) -> bool:
        """Returns whether the server of this psycopg connection may hang, because a probe failed
        after the connection was opened or checked.
        """
        return bool(raw.answered_at < self.silent_at)

    def is_same_server(self, raw: Any) -> bool:
        """Returns whether this psycopg connection leads to the server that answered the probes,
        without a restart since. The same name may lead to another server.
        """
        started = getattr(raw, "ledger_server_started", None)
        if started is None:
            raw.ledger_server_started = started = _started(raw)
        return self.answer is not None and started == self.answer.started

    def check_each(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        """Runs the check of `is_same_server` for each transaction on a connection to a pooler, as
        an execute wrapper of Django: see Note [Servers behind a pooler].

        Raises ReadAgain.
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
    """Returns why a replica failed, in the words of `ledger.db.outages.reasons`, without its
    hosts.
    """
    if isinstance(error, StoppedServer):
        return STOPPED
    if isinstance(error, ReadAgain):
        return NOT_ENOUGH
    state = sqlstate(error)
    why = reasons.for_everybody(error) or reasons.Reason.OTHER.value
    return f"{why} ({state})" if state else why


def _started(raw: Any) -> datetime:
    """Returns when the server of this psycopg connection started."""
    found: datetime = raw.execute(STARTED, prepare=False).fetchone()[0]
    return found
