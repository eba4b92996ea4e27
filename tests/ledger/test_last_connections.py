"""Nobody connects while gunicorn stops, and all that have connected are accepted before it does."""

import os
import socket
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from ledger.server import gunicorn_settings
from ledger.server.last_connections import take_no_more


@pytest.mark.parametrize("kept", ["", "systemd", "reexec_pid", "master_pid"])
def test_a_socket_that_others_keep_takes_connections_after_the_end(
    kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = list[str]()
    clock = SimpleNamespace(sleep=lambda _seconds: steps.append("pause"))
    monkeypatch.setattr(gunicorn_settings, "take_no_more", steps.append)
    monkeypatch.setattr(gunicorn_settings, "time", clock)
    state = {"systemd": False, "reexec_pid": 0, "master_pid": 0} | ({kept: 1} if kept else {})
    listener = SimpleNamespace(sock="its socket")
    server = SimpleNamespace(
        LISTENERS=[listener], stop=lambda _graceful: steps.append("stop"), **state
    )

    gunicorn_settings.when_ready(server)
    server.stop(True)

    assert steps == (["stop"] if kept else ["its socket", "pause", "stop"])


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


class RefusingSocket(socket.socket):
    """Of a kernel that lets only root attach a filter."""

    def setsockopt(self, *_options: Any) -> None:
        raise PermissionError


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux drops what begins a connection")
def test_without_the_right_to_drop_connections_at_most_one_waits() -> None:
    with RefusingSocket(socket.AF_INET) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(100)
        take_no_more(listener)
        address = listener.getsockname()
        with socket.create_connection(address), pytest.raises(TimeoutError):
            socket.create_connection(address, timeout=0.2)
