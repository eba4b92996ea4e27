"""Which threads read long bodies, and until when the others wait for them."""

import os
import selectors
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.workers.gthread import ThreadWorker

from ledger.server import gunicorn_settings, timed_worker
from ledger.server.last_connections import take_no_more
from ledger.server.long_bodies import LongBodies
from ledger.server.outgoing import Room
from ledger.server.timed_worker import TimedWorker


class Client:
    """A connection of a client, whose long body has so many seconds left."""

    def __init__(self, seconds: int = 10, address: str = "127.0.0.1") -> None:
        self.client = (address, 50_000)
        pace = SimpleNamespace(seconds_left=lambda: seconds)
        self.arrival = SimpleNamespace(is_long=True, pace=pace)
        self.sock = SimpleNamespace(has_rest=False)
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The clients that have a thread, or had one."""
    found: list[Any] = []
    monkeypatch.setattr(ThreadWorker, "enqueue_req", lambda _worker, client: found.append(client))
    monkeypatch.setattr(TimedWorker, "_go_on", lambda *_arguments: None)
    return found


@pytest.fixture
def worker() -> TimedWorker:
    found = object.__new__(TimedWorker)
    found.cfg = SimpleNamespace(threads=8, is_ssl=False)
    found.arriving, found.sending, found.leaving = set(), {}, {}
    found.long_bodies, found.nr_conns = LongBodies(found.cfg.threads), 3
    return found


def test_a_quarter_of_the_threads_reads_long_bodies_and_the_next_waits_for_them(
    worker: TimedWorker, started: list[Any]
) -> None:
    clients = [Client(address=f"192.0.2.{number}") for number in range(3)]
    for client in clients:
        worker._take(client)
    assert started == clients[:2]
    assert [*worker.long_bodies.waiting] == clients[2:]

    worker.finish_request(clients[0], None)

    assert started == clients
    assert not worker.long_bodies.waiting


def test_who_has_connected_when_it_stops_is_taken_and_nobody_after(worker: TimedWorker) -> None:
    worker.alive, worker._accepting, worker.nr_conns = False, False, 0
    worker.room, worker.poller = Room(8), selectors.DefaultSelector()
    with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as stack:
        address = listener.getsockname()
        listener.setblocking(False)
        worker.sockets = [listener]
        clients = [stack.enter_context(socket.create_connection(address)) for _ in range(3)]

        worker.set_accept_enabled(False)
        worker.murder_pending()

        assert worker.nr_conns == len(worker.arriving) == 3
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)
        worker.lingers_until = 0.0
        worker.murder_pending()
        assert worker.nr_conns == len(worker.arriving) == 0
        assert [client.recv(1) for client in clients] == [b""] * 3
    worker.poller.close()


def test_who_has_sent_nothing_when_the_signal_comes_is_waited_for(worker: TimedWorker) -> None:
    worker.room, worker.poller = Room(8), selectors.DefaultSelector()
    worker.alive, worker.nr_conns = True, 0
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        with socket.create_connection(listener.getsockname()):
            worker.accept(listener)
            worker.alive = False  # by the signal, in the middle of gunicorn's loop
            worker.murder_pending()
            assert worker.nr_conns == len(worker.arriving) == 1
            worker.lingers_until = 0.0
            worker.murder_pending()
    worker.poller.close()


def test_who_was_connecting_when_it_stops_is_taken_too(
    worker: TimedWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timed_worker, "SECONDS_TO_CONNECT", 60)
    worker.alive, worker._accepting, worker.nr_conns = False, False, 0
    worker.room, worker.poller = Room(8), selectors.DefaultSelector()
    listener, accept = socket.create_server(("127.0.0.1", 0)), worker.accept
    late = ThreadPoolExecutor(1)

    def accept_and_go_on(_listener: socket.socket) -> None:
        accept(_listener)
        if worker.nr_conns == 1:  # the queue is empty now
            late.submit(lambda: clients.append(socket.create_connection(address)))
        else:
            monkeypatch.setattr(timed_worker, "SECONDS_TO_CONNECT", 0)

    monkeypatch.setattr(worker, "accept", accept_and_go_on)
    address, worker.sockets = listener.getsockname(), [listener]
    listener.setblocking(False)
    clients = [socket.create_connection(address)]
    with late:
        worker.set_accept_enabled(False)
    assert worker.nr_conns == len(worker.arriving) == 2
    worker.lingers_until = 0.0
    worker.murder_pending()
    for client in clients:
        client.close()
    worker.poller.close()


@pytest.mark.parametrize("kept", ["", "systemd", "reexec_pid", "master_pid"])
def test_a_socket_that_others_keep_takes_connections_after_the_end(
    kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    filtered, stopped = list[Any](), list[bool]()
    monkeypatch.setattr(gunicorn_settings, "take_no_more", filtered.append)
    state = {"systemd": False, "reexec_pid": 0, "master_pid": 0} | ({kept: 1} if kept else {})
    listener = SimpleNamespace(sock="its socket")
    server = SimpleNamespace(LISTENERS=[listener], stop=stopped.append, **state)

    gunicorn_settings.when_ready(server)
    server.stop(True)

    assert stopped == [True]
    assert filtered == ([] if kept else ["its socket"])


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0,
    reason="only Linux drops what begins a connection, and not for every account",
)
def test_nobody_connects_between_the_last_accept_and_the_close() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        with socket.create_connection(address) as client:
            take_no_more(listener)
            with pytest.raises(TimeoutError):
                socket.create_connection(address, timeout=0.2)
            client.sendall(b"sent before")
            accepted, _ = listener.accept()
            with accepted:
                assert accepted.recv(20) == b"sent before"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


@pytest.mark.usefixtures("started")
def test_who_waits_too_long_for_a_thread_is_cut_off(worker: TimedWorker) -> None:
    late, early = Client(seconds=0), Client(seconds=1)
    for client in (Client(), Client(address="192.0.2.1"), late, early):
        worker._take(client)

    worker.murder_pending()

    assert list(worker.long_bodies.waiting) == [early]
    assert (late.is_closed, early.is_closed, worker.nr_conns) == (True, False, 2)
