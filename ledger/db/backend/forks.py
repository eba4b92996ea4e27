"""Database connections that a forked process never shares with its parent.

Note [Forked processes]: a fork copies every open socket. If two processes send on one socket, their
statements mix. If one of them closes the connection properly, the session of the other ends. While
one keeps the socket open, the server does not notice that the other has died, so the locks of the
dead process stay. So in the child, each inherited socket is replaced by a socket that is already
shut, before any of Ledger's code runs. Nothing is sent to the server, and the parent's session
continues. The child opens a new connection when it first needs one. A transaction that was open at
the fork belongs to the parent: the child can only leave its block.
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
# Connections and pools of the parent. The list keeps them alive, so that libpq and psycopg_pool do
# not clean them up in the child.
_inherited: list[Any] = []


def register(wrapper: Wrapper) -> None:
    """Registers a wrapper, which then forgets its connection in a child."""
    _wrappers.add(wrapper)


def register_connection(raw: psycopg.Connection[Any]) -> None:
    """Registers a connection, whose socket is then shut in a child."""
    _connections.add(raw)


def _forget() -> None:
    """Shuts and forgets all inherited connections. Runs in each child before any other code."""
    for raw in list(_connections):
        _inherited.append(raw)
        _shut(raw)
    _connections.clear()
    for wrapper in list(_wrappers):
        wrapper.forget_connection(_inherited)


def _shut(raw: psycopg.Connection[Any]) -> None:
    """Replaces this process's copy of the connection's socket by a socket that is already shut."""
    try:
        descriptor = raw.pgconn.socket
    except psycopg.Error:  # it was closed before the fork
        return
    replacement, peer = socket.socketpair()
    with replacement, peer:
        peer.close()
        os.dup2(replacement.fileno(), descriptor, inheritable=False)


os.register_at_fork(after_in_child=_forget)
