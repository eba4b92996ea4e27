"""Connections are never shared with a process that was forked.

Note [Forked processes]: a fork copies every open socket. Two processes that send on one mix their
statements; one that closes it properly ends the session of the other; and while one keeps it open,
the server does not notice that the other has died, whose locks stay. So in the child each inherited
socket is replaced by one that is already shut, before any code of ours runs there: nothing is sent
to the server, and the parent's session goes on. The child connects anew when it first needs to. A
transaction that was open at the fork is the parent's: the child can only leave its block.
"""

import os
import socket
from typing import Any, Protocol
from weakref import WeakSet

import psycopg


class Wrapper(Protocol):
    """Django's wrapper of a connection."""

    def forget_connection(self, inherited: list[Any]) -> None: ...


_wrappers: WeakSet[Wrapper] = WeakSet()
_connections: WeakSet[psycopg.Connection[Any]] = WeakSet()
# Connections and pools of the parent. libpq and psycopg_pool must not tidy them up in the child.
_inherited: list[Any] = []


def know(wrapper: Wrapper) -> None:
    """Has this wrapper forget its connection in a child."""
    _wrappers.add(wrapper)


def know_connection(raw: psycopg.Connection[Any]) -> None:
    """Has the socket of this connection shut in a child."""
    _connections.add(raw)


def _forget() -> None:
    """Runs in each child of a fork, before anything else."""
    for raw in list(_connections):
        _inherited.append(raw)
        _shut(raw)
    _connections.clear()
    for wrapper in list(_wrappers):
        wrapper.forget_connection(_inherited)


def _shut(raw: psycopg.Connection[Any]) -> None:
    """Puts a socket that was shut in place of this process's copy of the connection's."""
    try:
        descriptor = raw.pgconn.socket
    except psycopg.Error:  # it was closed before the fork
        return
    ours, other = socket.socketpair()
    with ours, other:
        other.close()
        os.dup2(ours.fileno(), descriptor, inheritable=False)


os.register_at_fork(after_in_child=_forget)
