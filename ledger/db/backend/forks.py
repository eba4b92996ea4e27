"""Prevents a forked process from using the database connections of its parent.

Note [Forked processes]: a fork copies every open socket. If two processes send data on one socket,
their SQL statements mix. If the child closes the connection, the session of the parent ends. If the
parent dies while the child keeps the socket open, the server does not notice this, and the parent's
locks stay. Therefore each inherited socket is replaced in the child with a socket that is already
shut. This happens before any code of Ledger runs. The parent's session continues, and the child
opens a new connection when necessary. If a transaction was open at the fork, the child can only
leave its `atomic` block.
"""

import os
import socket
from typing import Any, Protocol
from weakref import WeakSet

import psycopg


class Wrapper(Protocol):
    """The part of Django's database wrapper that this module uses."""

    def forget_connection(self, inherited: list[Any]) -> None: ...


_wrappers: WeakSet[Wrapper] = WeakSet()
_connections: WeakSet[psycopg.Connection[Any]] = WeakSet()
# Connections and pools of the parent. The list keeps references to them, so that libpq and
# psycopg_pool do not clean them up in the child process.
_inherited: list[Any] = []


def register(wrapper: Wrapper) -> None:
    """Registers a database wrapper. In every child process, the wrapper forgets its inherited
    connection.
    """
    _wrappers.add(wrapper)


def register_connection(raw: psycopg.Connection[Any]) -> None:
    """Registers a psycopg connection. In every child process, the socket of the connection is
    shut.
    """
    _connections.add(raw)


def _forget() -> None:
    """Shuts and forgets all inherited connections. Runs first in each child process."""
    for raw in list(_connections):
        _inherited.append(raw)
        _shut(raw)
    _connections.clear()
    for wrapper in list(_wrappers):
        wrapper.forget_connection(_inherited)


def _shut(raw: psycopg.Connection[Any]) -> None:
    """Replaces the socket of the connection, only in this process, with a socket that is already
    shut.
    """
    try:
        descriptor = raw.pgconn.socket
    except psycopg.Error:  # the connection was closed before the fork
        return
    replacement, peer = socket.socketpair()
    with replacement, peer:
        peer.close()
        os.dup2(replacement.fileno(), descriptor, inheritable=False)


os.register_at_fork(after_in_child=_forget)
