"""What a client has not read: a thread does not wait for it, and it does not stay for ever."""

import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from ledger.server import arrival, outgoing
from ledger.server.gunicorn_settings import threads
from ledger.server.outgoing import MOST_KEPT, Outgoing, Room, few_of
from ledger.web import downloads, mail

PIECE = bytes(range(256)) * 256  # 64 KiB
MORE_THAN_THE_KERNEL_TAKES = 4 * MOST_KEPT // len(PIECE)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The server's end, and the client's."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def begun(ours: socket.socket, room: Room) -> Outgoing:
    found = Outgoing(ours, room)
    found.begin()
    return found


def read(theirs: socket.socket, size: int) -> bytes:
    return theirs.recv(size, socket.MSG_WAITALL)


def stream(client: Outgoing, pieces: int = MORE_THAN_THE_KERNEL_TAKES) -> None:
    for _ in range(pieces):
        client.sendall(PIECE)


def test_an_answer_does_not_wait_for_its_client_and_arrives_in_order(ends: Any) -> None:
    ours, theirs = ends
    client = begun(ours, Room(4))
    answer = PIECE * (MOST_KEPT // len(PIECE) * 2)

    client.sendall(b"head ")
    client.sendall(answer)
    assert client.has_rest
    got = b""
    while client.has_rest:
        got += theirs.recv(len(PIECE))
        client.send_rest()
    ours.close()
    while piece := theirs.recv(len(PIECE)):
        got += piece

    assert got == b"head " + answer
    assert not client.is_late


def test_a_stream_that_nobody_reads_ends_with_the_time_of_its_client(
    ends: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LEDGER_READ_TIMEOUT = 0
    monkeypatch.setattr(arrival, "BYTES_PER_SECOND", 2**30)
    room = Room(4)
    client = begun(ends[0], room)

    with pytest.raises(ConnectionResetError):
        stream(client)

    assert not client.has_rest
    assert room._kept == 0
    assert room.waiting._value == few_of(4)


def test_a_client_that_reads_nothing_is_late(ends: Any, settings: Any) -> None:
    settings.LEDGER_READ_TIMEOUT = 0
    client = begun(ends[0], Room(4))
    client.sendall(b"all of it fits")
    assert not client.is_late

    client.sendall(PIECE * 16)
    client._pace.ends -= 1_000  # type: ignore[union-attr]
    assert client.is_late

    client.begin()  # the next answer
    assert not client.is_late


def test_no_more_than_a_quarter_of_the_threads_wait(ends: Any) -> None:
    room = Room(8)
    assert room.waiting.acquire(blocking=False)
    assert room.waiting.acquire(blocking=False)

    with pytest.raises(ConnectionResetError):  # at once, within its time
        stream(begun(ends[0], room))


def test_all_that_waits_at_once_leaves_threads_to_pages() -> None:
    for_clients_that_read_and_send = 2 * few_of(threads)
    assert threads - for_clients_that_read_and_send - mail.AT_ONCE >= 2
    assert few_of(threads) >= downloads.AT_ONCE


def test_a_process_keeps_no_more_than_it_has_room_for(
    ends: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing, "MOST_KEPT_IN_ALL", len(PIECE))
    monkeypatch.setattr(arrival, "BYTES_PER_SECOND", 2**30)
    settings.LEDGER_READ_TIMEOUT = 0
    room = Room(4)
    room.change(len(PIECE))  # of others
    client = begun(ends[0], room)

    with pytest.raises(ConnectionResetError):
        stream(client, MOST_KEPT // len(PIECE))


def test_closing_gives_the_room_back(ends: Any) -> None:
    room = Room(4)
    client = begun(ends[0], room)
    client.sendall(PIECE * 16)
    assert room._kept > 0

    client.cut()

    assert room._kept == 0


def test_a_client_gains_time_by_all_that_it_takes(
    ends: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LEDGER_READ_TIMEOUT = 0
    monkeypatch.setattr(arrival, "time", SimpleNamespace(monotonic=lambda: 0))
    ours, theirs = ends
    client = begun(ours, Room(8))
    client.sendall(PIECE * 16)
    by_kernel = 16 * len(PIECE) - len(client._kept)
    assert client._pace is not None
    assert client._pace.ends == by_kernel / arrival.BYTES_PER_SECOND

    theirs.recv(len(PIECE))
    client.send_rest()

    sent = 16 * len(PIECE) - len(client._kept)
    assert sent > by_kernel
    assert client._pace.ends == sent / arrival.BYTES_PER_SECOND


def test_the_kernel_takes_little_of_an_answer_and_throws_it_away_when_it_is_cut_off() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as theirs:
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        theirs.connect(server.getsockname())
        ours, _ = server.accept()
        client = begun(ours, Room(8))
        assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 2 * outgoing.MOST_IN_KERNEL
        client.sendall(PIECE * 16)

        client.cut()

        with pytest.raises(ConnectionResetError):
            _read_all(theirs)


def _read_all(theirs: socket.socket) -> None:
    while theirs.recv(len(PIECE)):
        pass
