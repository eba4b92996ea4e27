"""A proxy on loopback with a delay, like a network. The proxy is a separate process and imports no
model.
"""

import multiprocessing
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection

from ledger.embedded.instance import default_server

DELAY = 0.0005  # seconds in each direction


@contextmanager
def delaying_proxy() -> Iterator[int]:
    """Runs a process that passes connections to the bench's server, each chunk DELAY later. Yields
    its port. The proxy is a separate process, so it takes no time from the payers' threads.
    """
    info = default_server().ensure_started()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    proxy = context.Process(target=_serve, args=(theirs, info.host, info.port), daemon=True)
    proxy.start()
    try:
        yield ours.recv()
    finally:
        proxy.terminate()
        proxy.join(5)


def _serve(parent: "Connection[int, int]", host: str, port: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        parent.send(listening.getsockname()[1])
        while True:
            near, _ = listening.accept()
            if host.startswith("/"):
                far = socket.socket(socket.AF_UNIX)
                far.connect(f"{host}/.s.PGSQL.{port}")
            else:
                far = socket.create_connection((host, port))
                far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=_pass_on, args=(one, other), daemon=True).start()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):  # the other direction has closed both connections
        while chunk := one.recv(65536):
            time.sleep(DELAY)
            other.sendall(chunk)
    one.close()
    other.close()
