"""Finds the reason why the database failed, as a fixed text.

The text of a libpq error is never logged, because it may contain users, database names and parts of
SQL statements. Usually the SQLSTATE identifies the reason. A failed connection has no SQLSTATE, so
its text is compared with a list of known texts. In another language than English no text matches,
and the reason is `OTHER`.
"""

from enum import Enum

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from ledger.db.backend.limited import ServerHangs
from ledger.db.retry import NotConfirmed
from ledger.db.server.credentials import NoLogin
from ledger.db.server.embedded import EmbeddedServerError
from ledger.db.server.failed_servers import FailedServer, failed_servers_of, has_words_of_driver
from ledger.db.server.pooler import REFUSED_OPTIONS


class Reason(Enum):
    REFUSED = "refused"
    NO_SOCKET = "no socket"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    HANGS = "hangs"
    CLOSED = "connection closed"
    ENDED = "ended by the server"
    STANDBY = "standby or read-only"
    NO_REPLICA = "takes writes, so no standby"
    STARTING = "starting up"
    STOPPING = "shutting down"
    RECOVERING = "recovering"
    NOT_ACCEPTING = "not accepting connections"
    NAME = "name not found"
    PASSWORD = "password refused"  # noqa: S105 - no secret
    NOT_ADMITTED = "not admitted"
    OS_USER = "user of the operating system refused"
    NO_DATABASE = "no such database"
    NO_ROLE = "no such role"
    NO_RIGHT = "permission denied"
    NO_TABLE = "no such table"
    TOO_MANY = "too many connections"
    TLS = "TLS"
    POOL_IS_EMPTY = "no free connection in the pool"
    POOLER = "the pooler has no server"
    POOLER_NOT_DECLARED = "a pooler without DB_POOLER"
    NO_LOGIN = "no login from AWS"
    EMBEDDED = "the embedded server does not start"
    NOT_CONFIRMED = "not confirmed by the standby"
    NO_STANDBY = "no standby confirms commits"
    FAILOVER = "failover"
    STATEMENT = "statement timeout"
    LOCK = "lock timeout"
    RACE = "lost race"
    IDLE = "idle for too long"
    TRANSACTION = "transaction timeout"
    DISK = "disk full"
    MEMORY = "out of memory"
    OTHER = "another reason"


# A request may fail for these reasons while commits wait for a standby.
WAITS = frozenset({Reason.HANGS, Reason.LOCK, Reason.STATEMENT})
REASON_BY_KIND: tuple[tuple[type[BaseException], Reason], ...] = (
    (ServerHangs, Reason.HANGS),
    (psycopg.errors.ConnectionTimeout, Reason.TIMEOUT),
    (PoolTimeout, Reason.POOL_IS_EMPTY),
    (TooManyRequests, Reason.POOL_IS_EMPTY),
    (PoolClosed, Reason.CLOSED),
    (NoLogin, Reason.NO_LOGIN),
)
REASON_BY_SQLSTATE = {
    "08001": Reason.UNREACHABLE,
    "08003": Reason.CLOSED,
    "08006": Reason.CLOSED,
    "08007": Reason.FAILOVER,  # from AWS's driver: see ledger.db.aws.errors
    "08S02": Reason.FAILOVER,
    "25006": Reason.STANDBY,
    "25P03": Reason.IDLE,
    "25P04": Reason.TRANSACTION,
    "28000": Reason.NOT_ADMITTED,
    "28P01": Reason.PASSWORD,
    "3D000": Reason.NO_DATABASE,
    "40001": Reason.RACE,
    "40P01": Reason.RACE,
    "42501": Reason.NO_RIGHT,
    "42P01": Reason.NO_TABLE,
    "53100": Reason.DISK,
    "53200": Reason.MEMORY,
    "53300": Reason.TOO_MANY,
    "55P03": Reason.LOCK,
    "57014": Reason.STATEMENT,
    "57P01": Reason.ENDED,
    "57P02": Reason.ENDED,
    "57P03": Reason.NOT_ACCEPTING,
    "57P05": Reason.IDLE,
}
# Texts of psycopg, libpq, Postgres and pgbouncer, in lower case. The first text that matches is
# used. Therefore the more exact texts come first, and texts about TLS, which may occur in any
# message, come last.
REASON_BY_TEXT = (
    # With sslmode=prefer, libpq tries again without TLS, and the server may refuse that too.
    ("password authentication failed", Reason.PASSWORD),
    ("peer authentication failed", Reason.OS_USER),
    ("ident authentication failed", Reason.OS_USER),
    ("no pg_hba.conf entry", Reason.NOT_ADMITTED),
    ("pg_hba.conf rejects", Reason.NOT_ADMITTED),
    ("is not permitted to log in", Reason.NOT_ADMITTED),
    ("permission denied for database", Reason.NOT_ADMITTED),
    ("authentication failed", Reason.PASSWORD),
    ("no password supplied", Reason.PASSWORD),
    ("wrong password", Reason.PASSWORD),
    ("too many clients", Reason.TOO_MANY),
    ("too many connections", Reason.TOO_MANY),
    ("connection slots are reserved", Reason.TOO_MANY),
    ("no more connections allowed", Reason.TOO_MANY),
    ("system is starting up", Reason.STARTING),
    ("system is not yet accepting connections", Reason.STARTING),
    ("system is shutting down", Reason.STOPPING),
    ("pooler is shut down", Reason.STOPPING),
    ("system is in recovery", Reason.RECOVERING),
    ("not accepting connections", Reason.NOT_ACCEPTING),
    ("not currently accepting connections", Reason.NOT_ACCEPTING),
    ('fatal:  database "', Reason.NO_DATABASE),
    ('fatal:  role "', Reason.NO_ROLE),
    ("session is read-only", Reason.STANDBY),
    ("server is not in hot standby mode", Reason.NO_REPLICA),
    ("session is not read-only", Reason.NO_REPLICA),
    ("server is in hot standby mode", Reason.STANDBY),
    ("server that takes writes", Reason.STANDBY),
    ("takes no writes", Reason.STANDBY),
    ("server login has been failing", Reason.POOLER),
    ("server login failed", Reason.POOLER),
    ("query_wait_timeout", Reason.POOLER),
    *((words, Reason.POOLER_NOT_DECLARED) for words in REFUSED_OPTIONS),
    ("server_login_retry", Reason.POOLER),
    ("could not translate host name", Reason.NAME),
    ("failed to resolve host", Reason.NAME),
    ("no such file or directory", Reason.NO_SOCKET),
    ("connection refused", Reason.REFUSED),
    ("network is unreachable", Reason.UNREACHABLE),
    ("no route to host", Reason.UNREACHABLE),
    ("host is down", Reason.UNREACHABLE),
    ("timeout expired", Reason.TIMEOUT),
    ("timed out", Reason.TIMEOUT),
    ("terminating connection", Reason.ENDED),
    ("closed the connection unexpectedly", Reason.CLOSED),
    ("connection has been closed unexpectedly", Reason.CLOSED),
    ("connection reset by peer", Reason.CLOSED),
    ("broken pipe", Reason.CLOSED),
    ("eof detected", Reason.CLOSED),
    ("the connection is closed", Reason.CLOSED),
    ("the connection is lost", Reason.CLOSED),
    ("connection not open", Reason.CLOSED),
    ("no connection to the server", Reason.CLOSED),
    ("certificate", Reason.TLS),
    ("ssl", Reason.TLS),
)


def in_words(error: BaseException) -> str:
    """Returns a text with each failed server and its reason, and with the SQLSTATE if there is one.
    Example: `a.example:5432 refused, b.example:5432 standby or read-only (25006)`.
    """
    cause = error_of_psycopg(error)
    if cause is None:
        return _reason_of_other(error).value
    reasons = [
        f"{each.server} {_reason(error, each).value}".lstrip() for each in failed_servers_of(cause)
    ]
    state = f" ({cause.sqlstate})" if cause.sqlstate else ""
    return ", ".join(dict.fromkeys(reasons)) + state


def for_people(error: BaseException) -> str:
    """Returns the reasons of a failure for the user of a command, without the SQLSTATE.

    If one server failed, the text is the first line of libpq's message, with the server and the
    user. If several servers or AWS's driver failed, the text contains each server and its reason.
    """
    cause = error_of_psycopg(error)
    failed = failed_servers_of(cause) if cause else ()
    if len(failed) > 1 or (cause is not None and has_words_of_driver(cause)):
        return ", ".join(f"{each.server} {reason_of(each).value}".lstrip() for each in failed)
    return str(cause or error).strip().partition("\n")[0]


def for_everybody(error: BaseException) -> str:
    """Returns the reasons of a failure without server names. Several servers are numbered in the
    order of the settings: `server 1 refused, server 2 standby or read-only`. Returns "" if the
    error does not come from psycopg.
    """
    cause = error_of_psycopg(error)
    reasons = [reason_of(each).value for each in failed_servers_of(cause)] if cause else []
    if len(reasons) < 2:
        return "".join(reasons)
    return ", ".join(f"server {number} {reason}" for number, reason in enumerate(reasons, 1))


def is_standby(error: BaseException) -> bool:
    """Returns whether all servers that were tried are standbys or read-only."""
    cause = error_of_psycopg(error)
    failed = failed_servers_of(cause) if cause else ()
    return bool(failed) and all(reason_of(each) is Reason.STANDBY for each in failed)


def is_wait(error: BaseException) -> bool:
    """Returns whether a SQL statement took too long: a lock timeout, a statement timeout, or a
    server that does not answer.
    """
    cause = error_of_psycopg(error)
    return cause is not None and reason_of(FailedServer("", cause)) in WAITS


def error_of_psycopg(error: BaseException | None) -> psycopg.Error | None:
    """Returns the first psycopg error among `error` and its causes, or None."""
    while error is not None and not isinstance(error, psycopg.Error):
        error = error.__cause__
    return error


def _reason_of_other(error: BaseException) -> Reason:
    if isinstance(error, NotConfirmed):
        return Reason.NOT_CONFIRMED
    is_embedded = isinstance(error.__cause__, EmbeddedServerError)
    return Reason.EMBEDDED if is_embedded else Reason.OTHER


def _reason(error: BaseException, failed: FailedServer) -> Reason:
    if isinstance(error, NotConfirmed):
        return Reason.NOT_CONFIRMED
    return reason_of(failed)


def reason_of(failed: FailedServer) -> Reason:
    """Returns the reason why this server failed."""
    error, text = failed.error, str(failed.error).lower()
    for kind, reason in REASON_BY_KIND:
        if isinstance(error, kind):
            return reason
    if error.sqlstate in REASON_BY_SQLSTATE:
        return REASON_BY_SQLSTATE[error.sqlstate]
    return next((reason for words, reason in REASON_BY_TEXT if words in text), Reason.OTHER)
