"""Connections of AWS's driver, and the threads that it keeps."""

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

NO_WRITER = "The server takes no writes, and AWS's driver knows of none that does."
# Otherwise it would guess by the name of the function that connects, which is ours.
BELOW = {"wrapper_driver_dialect": "psycopg"}
# How many seconds `within` gives to this thread, and when they are over.
_limit: ContextVar[tuple[int, float]] = ContextVar("limit", default=(0, inf))


class _Beginning:
    """One thread at a time begins what the driver keeps for all connections."""

    lock = threading.Lock()


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """Within the block, this thread gives up connecting after these seconds. The driver's threads,
    which watch the cluster for everybody, do not.
    """
    before = _limit.set((seconds, monotonic() + seconds))
    try:
        yield
    finally:
        _limit.reset(before)


def connect_in_time(*args: Any, **parameters: Any) -> Any:
    """A connection of psycopg, for the driver. After the end of `within` the error is one that the
    driver does not take for a lost server, so that it does not look for another one.
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
    """Options of the driver for `within`; none outside of it."""
    seconds, _ = _limit.get()
    if not seconds:
        return {}
    return {"failover_timeout_sec": seconds, "open_connection_retry_timeout_ms": seconds * 1000}


def connect(
    conninfo: str, parameters: dict[str, Any], options: dict[str, Any], *, writes: bool
) -> Any:
    """A connection with the driver's options. Raises psycopg.Error.

    One that has to write is of the cluster's writer also where the endpoint still leads to the
    server that was the writer before.
    """

    def open_at(**place: Any) -> Any:
        with _Beginning.lock:  # the driver itself does not guard it
            services_container.get_monitor_service()
        return AwsWrapperConnection.connect(
            connect_in_time, conninfo, **parameters | place, **options | _options_in_time() | BELOW
        )

    try:
        found = open_at()
        if not writes or not is_reader(found):
            return found
        found = open_at(**writer_beside(found))
    except DriverError as error:
        raise as_psycopg(error, Moment.CONNECTING) from error
    if is_reader(found):
        found.close()
        raise SqlclientUnableToEstablishSqlconnection(NO_WRITER)
    return found


def is_reader(connection: Any) -> bool:
    """Without a query: the server tells each session."""
    return has_become_reader(connection.target_connection, {"target_session_attrs": "read-write"})


def writer_beside(reader: Any) -> dict[str, Any]:
    """Host and port of the writer that this reader of a cluster names; closes the reader."""
    service = reader._plugin_service
    service.force_refresh_host_list(reader.target_connection)
    hosts = service.all_hosts
    reader.close()
    for each in hosts:
        if each.role is HostRole.WRITER:
            return {"host": each.host, "port": each.port}
    raise SqlclientUnableToEstablishSqlconnection(NO_WRITER)


class WatchedCursor(AwsWrapperCursor):  # type: ignore[misc]
    """The driver's cursor, which may be closed after its connection."""

    def close(self) -> None:
        self.target_cursor.close()


def watched(connection: Any, cursor: Any) -> Any:
    """The cursor of psycopg, with the driver's plugins around what it does."""
    return WatchedCursor(connection, connection._plugin_service, connection._plugin_manager, cursor)


# Topology and health are watched by threads. They have to end with the process, a command or a
# worker of gunicorn: while a server is gone, those that look for it would keep it for ever.
# Python waits for them before it calls what `atexit` has, so they are ended where it ends threads.
threading._register_atexit(release_resources)  # type: ignore[attr-defined]


def _begin_anew() -> None:
    """In a forked process, which has none of the threads."""
    _Beginning.lock = threading.Lock()  # perhaps another thread held it
    services_container._instance.__init__()


os.register_at_fork(after_in_child=_begin_anew)
