"""Probes have a port of their own: they are answered while pages wait for a thread."""

import http.client
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from ledger.server.gunicorn_settings import threads
from tests.ledger.own_site import Site, own_site
from tests.ledger.processes import LONG, MANAGE, free_port, wait_until

# gunicorn gives a request to a thread when its head is there, and this one's body never comes.
WITHOUT_BODY = b"POST /account/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"
PROBES = free_port()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with own_site(LEDGER_PROBE_PORT=str(PROBES), LEDGER_WORKERS="1") as found:
        yield found


@contextmanager
def all_threads_in_use(site: Site) -> Iterator[None]:
    with ExitStack() as clients:
        for _ in range(threads):
            client = clients.enter_context(socket.create_connection(("127.0.0.1", site.port)))
            client.sendall(WITHOUT_BODY)
        wait_until(lambda: status(site.port, "/healthz", 0.3) == 0)
        yield


def status(port: int, path: str, seconds: float = LONG) -> int:
    """The status of the answer; 0 if none comes in this time."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except TimeoutError:
        return 0
    finally:
        connection.close()


def test_probes_are_answered_while_all_threads_are_in_use(site: Site) -> None:
    with all_threads_in_use(site):
        assert status(PROBES, "/healthz") == status(PROBES, "/readyz") == 200


def test_a_client_that_says_nothing_holds_no_other_up(site: Site) -> None:
    with socket.create_connection(("127.0.0.1", PROBES)):
        assert status(PROBES, "/healthz") == 200


@pytest.mark.parametrize("path", ["/", "/account/login/", "/static/ledger.css", "/healthz/"])
def test_there_are_no_pages(site: Site, path: str) -> None:
    assert status(PROBES, path) == 404


def test_figures_need_the_token_here_too(site: Site) -> None:
    assert status(PROBES, "/metrics") in (302, 404)


def test_a_port_that_is_in_use_stops_the_start(site: Site) -> None:
    settings = {**site.bank.settings, "PORT": str(free_port()), "LEDGER_PROBE_PORT": str(site.port)}
    done = subprocess.run(
        [*MANAGE, "serve"], env=settings, capture_output=True, text=True, check=False, timeout=LONG
    )
    assert done.returncode != 0
    assert "Address already in use" in done.stdout + done.stderr
