"""Makes sure that a forked process never uses the database connections of its parent.

Note [Forked processes]: a fork copies every open socket. If two processes send on one socket, their
SQL statements mix. If one process closes the connection properly, the session of the other process
ends. If one process dies while the other keeps the socket open, the server does not notice this,
and the locks of the dead process stay. Therefore, in the child process, each inherited socket is
replaced with a socket that is already shut, before any code of Ledger runs. Nothing is sent to the
server, and the parent's session continues. The child opens a new connection when it needs one. A
transaction that was open at the fork belongs to the parent, and the child can only leave its block.
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
    """Registers a database wrapper. In each child process that is forked later, the wrapper forgets
    its connection.
    """
    _wrappers.add(wrapper)


def register_connection(raw: psycopg.Connection[Any]) -> None:
    """Registers a psycopg connection. In a child process, the socket of this connection is then
    shut.
    """
    _connections.add(raw)


def _forget() -> None:
    """Shuts and forgets all inherited connections. This runs in each child process before any other
    code.
    """
    for raw in list(_connections):
        _inherited.append(raw)
        _shut(raw)
    _connections.clear()
    for wrapper in list(_wrappers):
        wrapper.forget_connection(_inherited)


def _shut(raw: psycopg.Connection[Any]) -> None:
    """Replaces the socket of the connection with a socket that is already shut, only in this
    process.
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
