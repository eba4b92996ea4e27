"""`manage.py serve`, the program behind `make run`: one sentence when it cannot, a clean end."""

import http.client
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Timer

import pytest
from django.conf import LazySettings
from django.utils.datastructures import CaseInsensitiveMapping

from ledger.db.server.embedded import MAJOR
from ledger.embedded import postmaster
from ledger.embedded.removal import delete_everything
from ledger.embedded.server import EmbeddedServer
from ledger.jobs.schedule import DAY, JOBS
from ledger.management.commands.serve import Command, address_of
from tests.attacks.expected_headers import wrong_headers
from tests.factories import UserFactory
from tests.ledger.processes import (
    LONG,
    MANAGE,
    assert_one_sentence,
    environment,
    free_port,
    manage,
    own_data_dir,
    taken_port,
    wait_until,
)
from tests.ledger.servers import query
from transactions.demo.sign_ins import PASSWORD, SIGN_INS

ANSWERS = {
    b"GET /healthz HTTP/1.1": 200,
    b"GET /static/favicon.svg HTTP/1.1": 200,
    b"GET /account/login/ HTTP/1.1": 200,
    b"GET /nowhere/ HTTP/1.1": 404,
    b"GET /account/login/?q=1 HTTP/1.1\r\nContent-Type: text/plain; charset=hex": 415,
    b"GET /account/login/?q=2 HTTP/1.1\r\nContent-Type: text/plain; charset*=no''hex": 415,
    b"GET /account/login/?q=3 HTTP/1.1\r\nContent-Type: multipart/form-data; boundary*=no''a": 415,
    b'GET /account/login/?q=5 HTTP/1.1\r\nCookie: a="' + b"\\" * 100 + b'"': 400,
    b"GET /account/login/?q=6 HTTP/1.1" + (b"\r\nCookie: a=" + b"a" * 4_000) * 3: 400,
    # What a proxy on this machine passes on from its client does not move the site.
    b"GET /account/login/?q=4 HTTP/1.1\r\nSCRIPT_NAME: /account": 200,
    # gunicorn refuses these itself.
    b"nonsense": 400,
    b"GET / HTTP/9.9": 400,
    b"POST / HTTP/1.1\r\nContent-Length: -1": 400,
    b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2": 400,
    b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked": 400,
    b"GET /" + b"a" * 10_000 + b" HTTP/1.1": 414,
    b"GET / HTTP/1.1\r\nX-A: " + b"a" * 10_000: 431,
}
LAST_LINE = "Press Ctrl-C to stop it."


class Served:
    """A `manage.py serve` that has printed its three lines."""

    def __init__(self, data_dir: Path, *options: str, **more: str) -> None:
        self.data_dir, self.port, self.lines = data_dir, free_port(), list[str]()
        self.database = EmbeddedServer(data_dir)
        self.process = subprocess.Popen(
            [*MANAGE, "serve", *options],
            env=environment(
                data_dir,
                PORT=str(self.port),
                **{"LEDGER_GRACE": "1", **more},
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if LAST_LINE in line:
                break

    def get(self, path: str, timeout: float = LONG) -> int:
        connection = http.client.HTTPConnection("localhost", self.port, timeout=timeout)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()

    def is_gone(self) -> bool:
        try:
            self.get("/healthz")
        except ConnectionRefusedError:
            return True
        except ConnectionError:
            return False  # it is ending, but not gone yet
        return False

    def wait(self) -> int:
        """The exit code; also reads the rest of the output, so that the process cannot block."""
        _, self.errors = self.process.communicate(timeout=LONG)
        return self.process.returncode


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    """One for all tests, so that only the first start migrates."""
    with own_data_dir() as found:
        yield found


@pytest.fixture
def served(data_dir: Path) -> Iterator[Served]:
    found = Served(data_dir)
    yield found
    found.process.kill()
    found.process.communicate()


def test_it_serves_after_three_lines_and_sigint_ends_everything(served: Served) -> None:
    assert served.lines == [
        f"Ledger is at http://localhost:{served.port}/",
        served.lines[1],
        LAST_LINE,
    ]
    assert "Sign up" in served.lines[1]
    assert served.get("/healthz") == 200
    assert served.get("/readyz") == 200
    assert served.get("/static/favicon.svg") == 200

    served.process.send_signal(signal.SIGINT)

    assert served.wait() == 0
    assert served.is_gone()
    assert not served.database.is_running()
    assert "Traceback" not in served.errors


def test_every_answer_on_the_wire_has_the_headers(served: Served) -> None:
    found = {}
    for request in ANSWERS:
        with socket.create_connection(("127.0.0.1", served.port), timeout=LONG) as client:
            client.sendall(request + b"\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = http.client.HTTPResponse(client)
            answer.begin()
            headers = CaseInsensitiveMapping(dict(answer.headers.items()))
            found[request] = (answer.status, wrong_headers(headers))
            answer.read()  # raises if it is shorter than its Content-Length

    assert found == {request: (status, []) for request, status in ANSWERS.items()}


@pytest.mark.parametrize(
    ("host", "url", "said"),
    [
        ("127.0.0.1", "", "http://localhost:8000/"),
        ("::1", "", "http://localhost:8000/"),
        ("192.0.2.7", "", "http://192.0.2.7:8000/"),
        ("2001:db8::7", "", "http://[2001:db8::7]:8000/"),
        ("127.0.0.1", "https://bank.example", "https://bank.example/ "),
    ],
)
def test_it_names_an_address_where_passkeys_work(
    settings: LazySettings, host: str, url: str, said: str
) -> None:
    settings.LEDGER_URL = url
    assert address_of(host, 8000).startswith(said)


def test_sigterm_ends_it_as_well(served: Served) -> None:
    served.process.terminate()

    assert served.wait() == 0
    assert served.is_gone()
    assert not served.database.is_running()


def test_slow_clients_do_not_keep_it_from_ending(served: Served) -> None:
    length = b"Content-Length: 10\r\n\r\n"
    with ExitStack() as stack:
        for start in (b"GET", b"POST /account/login/ HTTP/1.1\r\nHost: localhost\r\n" + length):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", served.port)))
            client.sendall(start)
        assert served.get("/healthz") == 200  # so the others have a thread
        served.process.send_signal(signal.SIGINT)
        assert served.wait() == 0
    assert served.is_gone()
    assert not served.database.is_running()


def test_a_mock_provider_starts_and_ends_with_it(data_dir: Path) -> None:
    port = free_port()
    mock = {"LEDGER_DEMO": "True", "OIDC": "mock", "OIDC_MOCK_PORT": str(port)}
    found = Served(data_dir, **mock)
    try:
        assert f"http://127.0.0.1:{port}/" in found.lines[2]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LONG)
        connection.request("GET", "/.well-known/openid-configuration")
        assert connection.getresponse().status == 200
        connection.close()
        assert found.get("/account/providers/oidc/") == 200
        found.process.send_signal(signal.SIGINT)
        assert found.wait() == 0
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=LONG)
    finally:
        found.process.kill()
        found.process.communicate()


@pytest.fixture
def working(data_dir: Path) -> Iterator[Served]:
    found = Served(data_dir, "--work")
    yield found
    found.process.kill()
    found.process.communicate()


def test_the_worker_does_its_jobs_and_ends_with_it(working: Served) -> None:
    worker = _children(working.process.pid)[1]
    done = "SELECT count(*) FROM job_records WHERE done_at IS NOT NULL"
    always_due = sum(job.every < DAY for job in JOBS)
    wait_until(lambda: int(query(working.database, done)) >= always_due)
    site = f"LEDGER_URL=http://localhost:{working.port}\0"  # where its mails lead
    assert site in Path(f"/proc/{worker}/environ").read_text()
    working.process.send_signal(signal.SIGINT)
    assert working.wait() == 0
    assert ": done" not in working.errors
    assert not Path(f"/proc/{worker}").exists()
    assert not working.database.is_running()


def test_a_worker_that_dies_is_an_error_and_the_site_goes_on(working: Served) -> None:
    os.kill(_children(working.process.pid)[1], signal.SIGKILL)
    assert working.process.stderr is not None
    limit = Timer(LONG, working.process.kill)  # without the line, reading would never end
    limit.start()
    try:
        line = next((line for line in working.process.stderr if "manage.py work ended" in line), "")
    finally:
        limit.cancel()
    assert " ERROR " in line
    assert working.get("/readyz") == 200


def test_a_second_one_on_the_same_port_leaves_the_first_alone(served: Served) -> None:
    second = manage(served.data_dir, "serve", PORT=str(served.port))

    assert_one_sentence(second, f"The port {served.port} on 127.0.0.1 cannot be used")
    assert served.get("/readyz") == 200


def test_a_web_server_that_dies_is_reported(served: Served) -> None:
    gunicorn = _children(served.process.pid)[0]
    os.kill(gunicorn, signal.SIGKILL)

    assert served.wait() == 1
    assert "ended unexpectedly" in served.errors
    assert not served.database.is_running()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="Linux only: asks the kernel for it")
def test_a_killed_serve_leaves_no_web_server_behind(served: Served) -> None:
    served.process.kill()
    served.process.wait()

    wait_until(served.is_gone)


def test_a_taken_port_is_told_before_anything_starts(folder: Path) -> None:
    with taken_port() as port:
        done = manage(folder, "serve", "--port", str(port))

    assert_one_sentence(
        done,
        f"The port {port} on 127.0.0.1 cannot be used",
        ". Stop ",
        f"make run PORT={port + 1} or manage.py serve --port {port + 1}.",
    )
    assert not (folder / "pg18").exists()


def test_a_standby_as_replica_that_does_not_exist_is_told_before_anything_starts(
    folder: Path,
) -> None:
    done = manage(folder, "serve", "--port", str(free_port()), DATABASE_REPLICA_URLS="standby")
    assert_one_sentence(done, "DATABASE_REPLICA_URLS", "STANDBY=1")
    assert not list(folder.glob("pg*"))


@pytest.mark.django_db
@pytest.mark.parametrize("has_standby", [True, False])
def test_the_start_of_a_pair_names_the_command_of_a_failover(
    has_standby: bool, monkeypatch: pytest.MonkeyPatch, settings: LazySettings
) -> None:
    settings.LEDGER_EMBEDDED = True
    monkeypatch.setattr("ledger.embedded.instance.has_standby", lambda: has_standby)
    greeting = "\n".join(Command()._greeting("127.0.0.1", 8000))
    assert ("manage.py failover" in greeting) is has_standby


@pytest.mark.django_db
def test_a_stranger_with_an_address_of_the_demo_does_not_make_a_demo() -> None:
    UserFactory(email=SIGN_INS["ana"])
    assert PASSWORD not in "\n".join(Command()._greeting("127.0.0.1", 8000))


def test_a_command_names_each_server_that_it_tried_and_why(folder: Path) -> None:
    one, other = free_port(), free_port()
    url = f"postgresql://me:secret@127.0.0.1:{one},localhost:{other}/ledger"
    for command in (["audit_ledger"], ["wait_for_db", "--timeout", "1"], ["backup", "x.backup"]):
        done = manage(folder, *command, DATABASE_URL=url)
        line = done.stderr.splitlines()[-1]
        assert done.returncode == 1
        assert f"127.0.0.1:{one} refused, localhost:{other} refused" in line, done.stderr
        assert "Traceback" not in done.stderr


def test_an_unreachable_database_is_told(folder: Path) -> None:
    url = f"postgresql://me:secret@127.0.0.1:{free_port()}/ledger"

    here = "http://localhost:8000"

    done = manage(folder, "serve", "--port", str(free_port()), DATABASE_URL=url, LEDGER_URL=here)

    assert_one_sentence(done, "The database cannot be reached", "Connection refused")
    assert "secret" not in done.stderr


def test_a_folder_that_cannot_hold_the_database_is_told(folder: Path) -> None:
    (folder / f"pg{MAJOR}").write_text("in the way")

    done = manage(folder, "serve", "--port", str(free_port()))

    assert_one_sentence(done, str(folder))


def test_stop_db_stops_the_embedded_server(folder: Path) -> None:
    server = EmbeddedServer(folder)
    server.ensure_started()

    done, again = (manage(folder, "stop_db") for _ in range(2))

    assert done.stdout.startswith("Stopped.")
    assert again.stdout == "It was not running.\n"
    assert postmaster.read(server.data) is None
    delete_everything(folder)


def _children(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in children.split()]
