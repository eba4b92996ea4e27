"""Probes have a port of their own: they are answered while pages wait for a thread."""

import http.client
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from ledger.server import health_check, probe_port
from ledger.server.gunicorn_settings import threads
from ledger.server.ports import check_is_free
from ledger.server.probe_port import SECONDS, THREADS
from tests.ledger.own_site import Site, own_site
from tests.ledger.processes import LONG, MANAGE, free_port, wait_until
from tests.metrics import TOKEN

# gunicorn gives a request to a thread when its head is there, and this one's body never comes.
WITHOUT_BODY = b"POST /account/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    port = str(free_port())
    with own_site(LEDGER_PROBE_PORT=port, LEDGER_WORKERS="1", LEDGER_METRICS_TOKEN=TOKEN) as found:
        yield found


@pytest.fixture
def probes(site: Site) -> int:
    return int(site.bank.settings["LEDGER_PROBE_PORT"])


@contextmanager
def all_threads_in_use(site: Site) -> Iterator[None]:
    with ExitStack() as clients:
        for _ in range(threads):
            client = clients.enter_context(socket.create_connection(("127.0.0.1", site.port)))
            client.sendall(WITHOUT_BODY)
        wait_until(lambda: status(site.port, "/healthz", 0.3) == 0)
        yield


def status(port: int, path: str, seconds: float = LONG, token: str = "") -> int:
    """The status of the answer; 0 if none comes in this time."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        return connection.getresponse().status
    except TimeoutError:
        return 0
    finally:
        connection.close()


def test_probes_are_answered_while_all_threads_are_in_use(site: Site, probes: int) -> None:
    with all_threads_in_use(site):
        assert status(probes, "/healthz") == status(probes, "/readyz") == 200
        assert status(probes, "/metrics", token=TOKEN) == 200


def test_clients_that_say_nothing_hold_no_other_up(probes: int) -> None:
    with ExitStack() as clients:
        for _ in range(THREADS - 1):
            clients.enter_context(socket.create_connection(("127.0.0.1", probes)))
        assert status(probes, "/healthz", SECONDS - 1) == 200


@pytest.mark.parametrize("path", ["/", "/account/login/", "/static/ledger.css", "/healthz/"])
def test_there_are_no_pages(probes: int, path: str) -> None:
    assert status(probes, path) == 404


def test_figures_need_the_token_here_too(probes: int) -> None:
    assert status(probes, "/metrics", token="0" * 32) == 404


def test_what_waits_for_the_database_leaves_threads_to_the_other() -> None:
    let_go, asking = threading.Event(), threading.Semaphore(0)

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] != "/healthz":
            asking.release()
            let_go.wait(LONG)
        start_response("200 OK", [("Content-Length", "0")])
        return []

    server = probe_port.start(app, "127.0.0.1", 0)
    try:
        with ThreadPoolExecutor(probe_port.USING_DATABASE) as waiting:
            asked = [
                waiting.submit(status, server.server_port, "/readyz")
                for _ in range(probe_port.USING_DATABASE)
            ]
            assert all(asking.acquire(timeout=LONG) for _ in asked)
            assert status(server.server_port, "/healthz") == 200
            assert status(server.server_port, "/readyz") == 503  # for lack of a place
            let_go.set()
            assert [each.result() for each in asked] == [200] * probe_port.USING_DATABASE
    finally:
        let_go.set()
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("of_the_probes", [False, True])
def test_a_port_that_is_in_use_stops_the_start(
    site: Site, probes: int, of_the_probes: bool
) -> None:
    """Also that of another server's probes, which the kernel would let both share."""
    used = str(probes if of_the_probes else site.port)
    settings = {**site.bank.settings, "PORT": str(free_port()), "LEDGER_PROBE_PORT": used}
    done = subprocess.run(
        [*MANAGE, "serve"], env=settings, capture_output=True, text=True, check=False, timeout=LONG
    )
    assert done.returncode != 0
    assert "Address already in use" in done.stdout + done.stderr


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="needs IPv6")
def test_a_port_of_ipv4_is_not_free_for_all_addresses() -> None:
    """The host `::` includes the addresses of IPv4."""
    with socket.create_server(("127.0.0.1", 0)) as used, pytest.raises(OSError, match="in use"):
        check_is_free("::", used.getsockname()[1])


@pytest.mark.parametrize("given", ["", "0"])
def test_the_check_of_a_container_asks_the_pages_where_there_is_no_such_port(
    site: Site, given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", str(site.port))
    monkeypatch.setenv("LEDGER_PROBE_PORT", given)
    assert health_check.main() == 0


def test_a_port_is_free_when_its_last_connection_was_closed_a_moment_ago() -> None:
    """The side that closes first keeps the connection for a minute, and a server closes first."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            accepted, _ = server.accept()
            accepted.close()
            assert client.recv(1) == b""
        with pytest.raises(OSError, match="in use"):
            check_is_free("127.0.0.1", port)
    check_is_free("127.0.0.1", port)


def test_a_port_of_probes_is_free_when_its_last_connection_was_closed_a_moment_ago() -> None:
    """Otherwise a restart would fail for a minute after each probe."""
    server = probe_port.ProbeServer(("127.0.0.1", 0), probe_port.QuietHandler)
    try:
        with socket.create_connection(("127.0.0.1", server.server_port)) as client:
            server.shutdown_request(server.get_request()[0])
            assert client.recv(1) == b""
    finally:
        server.server_close()
    check_is_free("127.0.0.1", server.server_port)
