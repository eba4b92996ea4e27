"""Opens connections with AWS's driver, and ends the driver's threads."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf
from time import monotonic
from typing import Any

import psycopg
from aws_advanced_python_wrapper import AwsWrapperConnection, release_resources
from aws_advanced_python_wrapper.hostinfo import HostRole
from aws_advanced_python_wrapper.utils import services_container
from aws_advanced_python_wrapper.wrapper import AwsWrapperCursor
from psycopg.errors import SqlclientUnableToEstablishSqlconnection

from ledger.db.aws.errors import DriverError, Moment, as_psycopg
from ledger.db.backend.health import has_become_reader
from ledger.db.backend.limited import LimitedConnection
from ledger.db.server import failed_servers

NO_WRITER = "The server takes no writes, and AWS's driver knows no server that does."
# Without this option, the driver would guess the dialect from the name of the connect function.
# The name of Ledger's function is not known to the driver.
BELOW = {"wrapper_driver_dialect": "psycopg"}
# The time limit in seconds that `within` sets for this thread, and the monotonic time at which it
# ends.
_limit: ContextVar[tuple[int, float]] = ContextVar("limit", default=(0, inf))


class _Beginning:
    """A lock for creating the objects that all connections of the driver share."""

    lock = threading.Lock()


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """Limits how many seconds this thread may spend on opening connections inside the block. The
    limit does not apply to the driver's own threads.
    """
    before = _limit.set((seconds, monotonic() + seconds))
    try:
        yield
    finally:
        _limit.reset(before)


def connect_in_time(*args: Any, **parameters: Any) -> Any:
    """Returns a new psycopg connection. AWS's driver calls this function.

    After the time limit of `within`, raises an error that makes the driver stop. The driver then
    does not try another server.
    """
    try:
        return LimitedConnection.connect(*args, **parameters)
    except psycopg.OperationalError as error:
        seconds, end = _limit.get()
        if monotonic() < end:
            raise
        too_late = psycopg.OperationalError(f"no connection in {seconds} s: {error}")
        failed_servers.note_earlier(too_late, [error])
        raise too_late from error


def _options_in_time() -> dict[str, int]:
    """Returns the driver's options for the time limit of `within`, or an empty dict if there is no
    limit.
    """
    seconds, _ = _limit.get()
    if not seconds:
        return {}
    return {"failover_timeout_sec": seconds, "open_connection_retry_timeout_ms": seconds * 1000}


def connect(
    conninfo: str, parameters: dict[str, Any], options: dict[str, Any], *, writes: bool
) -> Any:
    """Returns a connection with the driver's options. If `writes` is true, the connection is to the
    cluster's writer, even if DNS still returns the previous writer.

    Raises psycopg.Error.
    """

    def open_at(**place: Any) -> Any:
        with _Beginning.lock:  # the driver itself has no lock for this
            services_container.get_monitor_service()
        return AwsWrapperConnection.connect(
            connect_in_time, conninfo, **parameters | place, **options | _options_in_time() | BELOW
        )

    try:
        found = open_at()
        if not writes or not is_reader(found):
            return found
        found = open_at(**writer_of_cluster(found))
    except DriverError as error:
        raise as_psycopg(error, Moment.CONNECTING) from error
    if is_reader(found):
        found.close()
        raise SqlclientUnableToEstablishSqlconnection(NO_WRITER)
    return found


def is_reader(connection: Any) -> bool:
    """Returns whether the server of the connection is a reader. Sends no query."""
    return has_become_reader(connection.target_connection, {"target_session_attrs": "read-write"})


def writer_of_cluster(reader: Any) -> dict[str, Any]:
    """Returns the host and the port of the cluster's writer. The function queries the connection
    `reader` and closes this connection.

    Raises SqlclientUnableToEstablishSqlconnection if the cluster reports no writer.
    """
    service = reader._plugin_service
    service.force_refresh_host_list(reader.target_connection)
    hosts = service.all_hosts
    reader.close()
    for each in hosts:
        if each.role is HostRole.WRITER:
            return {"host": each.host, "port": each.port}
    raise SqlclientUnableToEstablishSqlconnection(NO_WRITER)


class WatchedCursor(AwsWrapperCursor):  # type: ignore[misc]
    """The driver's cursor. Unlike the original, this cursor can be closed after its connection was
    closed.
    """

    def close(self) -> None:
        self.target_cursor.close()


def watched(connection: Any, cursor: Any) -> Any:
    """Returns the psycopg cursor in a wrapper that calls the driver's plugins."""
    return WatchedCursor(connection, connection._plugin_service, connection._plugin_manager, cursor)


# This hook ends the driver's threads, which watch the cluster, when the process ends. Otherwise
# threads that search for a lost server would keep the process alive forever. An `atexit` function
# would be too late, because Python waits for threads before it calls `atexit` functions.
threading._register_atexit(release_resources)  # type: ignore[attr-defined]


def _reset_after_fork() -> None:
    """Resets the driver in a forked process. The parent's threads do not exist in this process."""
    _Beginning.lock = threading.Lock()  # another thread may have had the old lock
    services_container._instance.__init__()


os.register_at_fork(after_in_child=_reset_after_fork)
