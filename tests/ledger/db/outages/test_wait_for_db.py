"""`manage.py wait_for_db`: with a database that is played, and with a server that comes late."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connections

from ledger.db import replicas
from ledger.db.management.commands import wait_for_db
from ledger.db.outages import waiting
from ledger.db.server import failed_servers
from ledger.db.server.credentials import NoCredentials, NoLogin
from tests.ledger.processes import LONG, MANAGE, environment, manage
from tests.ledger.tls_server import HOST, NEEDS_DEBIANS_POSTGRES, PASSWORD, TlsServer, tls_server
from tests.pooler import connected, server

REFUSED = "connection to server failed: Connection refused"
# What libpq writes with sslmode=prefer.
WITH_AND_WITHOUT_TLS = (
    'FATAL:  password authentication failed for user "ledger_web"\n'
    'FATAL:  no pg_hba.conf entry for host "10.0.0.1", no encryption'
)


class PlayedServer:
    """Answers each connection by the next of these: an error, or whether it takes no writes."""

    def __init__(self, *answers: Exception | bool) -> None:
        self.answers, self.asked = list(answers), list[tuple[int, str]]()
        self.now = 0.0

    @contextmanager
    def connect(self, seconds: int, alias: str = "default") -> Iterator["PlayedServer"]:
        self.asked.append((seconds, alias))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise OperationalError(f"The database cannot be reached: {answer}") from answer
        self.is_reader = answer
        yield self

    def execute(self, _sql: str) -> "PlayedServer":
        return self

    def fetchone(self) -> tuple[str]:
        return ("on" if self.is_reader else "off",)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[..., PlayedServer]:
    def play(*answers: Exception | bool, missing: list[list[str]] | None = None) -> PlayedServer:
        found, lists = PlayedServer(*answers), missing or [[]]
        monkeypatch.setattr(waiting, "short_connection", found.connect)
        monkeypatch.setattr(waiting, "time", found)
        monkeypatch.setattr(
            waiting,
            "unapplied_migrations",
            lambda _found: lists.pop(0) if len(lists) > 1 else lists[0],
        )
        return found

    return play


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    call_command("wait_for_db", *arguments)
    return capsys.readouterr().err.splitlines()


def failure(*arguments: str) -> CommandError:
    with pytest.raises(CommandError) as caught:
        call_command("wait_for_db", *arguments)
    return caught.value


def test_a_server_that_answers_is_not_waited_for(
    play: Callable[..., PlayedServer], capsys: pytest.CaptureFixture[str]
) -> None:
    played = play(False)
    (line,) = run(capsys)
    assert line.startswith("Ready after 0.0 s: ")
    assert played.now == 0


def test_it_says_once_for_what_it_waits(
    play: Callable[..., PlayedServer], capsys: pytest.CaptureFixture[str]
) -> None:
    starting = psycopg.OperationalError("the database system is starting up")
    play(*[psycopg.OperationalError(REFUSED)] * 3, starting, starting, True, False)
    refused, starts, standby, ready = run(capsys)
    assert "Connection refused" in refused
    assert "starting up" in starts
    assert "takes no writes" in standby
    assert ready.startswith("Ready after 3.0 s")


@pytest.mark.django_db(transaction=True)
def test_a_primary_that_was_set_read_only_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `/readyz` says of it: its pages could not pay."""
    monkeypatch.setattr(waiting, "time", PlayedServer())
    there = server()
    options = {"target_session_attrs": "any", "options": "-c default_transaction_read_only=on"}
    with connected({**there, "OPTIONS": {**there["OPTIONS"], **options}}):
        error = failure("--timeout", "3")
    assert error.returncode == wait_for_db.NOT_IN_TIME
    assert "takes no writes" in str(error)


def test_it_ends_when_the_time_is_over(play: Callable[..., PlayedServer]) -> None:
    played = play(psycopg.OperationalError(REFUSED))
    error = failure("--timeout", "7")
    assert error.returncode == wait_for_db.NOT_IN_TIME
    assert "Not ready after 7 s" in str(error)
    assert "Connection refused" in str(error)
    assert played.now == 7
    assert max(seconds for seconds, _alias in played.asked) <= 5


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('FATAL:  password authentication failed for user "ledger_web"', "DB_PASSWORD"),
        (WITH_AND_WITHOUT_TLS, "DB_PASSWORD"),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1"', "does not admit"),
        ('FATAL:  role "ledger_web" does not exist', "DB_USER"),
        ('FATAL:  role "ledger_rows" is not permitted to log in', "does not admit"),
        ("SSL error: certificate verify failed", "sslrootcert"),
        ('server certificate for "a" does not match host name "b"', "sslrootcert"),
        ('FATAL:  database "ledger" does not exist', "manage.py createdb"),
        ('FATAL:  Peer authentication failed for user "ledger"', "DB_HOST"),
    ],
)
def test_it_does_not_wait_for_what_never_comes(
    text: str, why: str, play: Callable[..., PlayedServer], capsys: pytest.CaptureFixture[str]
) -> None:
    """The command prints the error once, with what to do."""
    played = play(psycopg.OperationalError(text))
    error = failure()
    assert error.returncode == wait_for_db.NEVER
    assert text.partition("\n")[0] in str(error)
    assert why in str(error)
    assert capsys.readouterr().err == ""
    assert played.now == 0


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NoCredentials("AWS signs no token: Unable to locate credentials"), wait_for_db.NEVER),
        (NoLogin("AWS gave no login within 5 s."), wait_for_db.NOT_IN_TIME),
    ],
)
def test_it_waits_for_aws_only_with_credentials(
    error: NoLogin, code: int, play: Callable[..., PlayedServer]
) -> None:
    play(error)
    assert failure().returncode == code


def test_migrations_are_waited_for_if_asked(
    play: Callable[..., PlayedServer], capsys: pytest.CaptureFixture[str]
) -> None:
    play(False, missing=[["accounts.0001_tables"], []])
    waits, ready = run(capsys, "--migrated")
    assert "accounts.0001_tables" in waits
    assert ready.startswith("Ready after 0.5 s")


def test_each_replica_is_waited_for_if_asked(
    play: Callable[..., PlayedServer],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The time is for all of them together."""
    replica = {**connections.settings["default"], "LEDGER_REPLICA": True}
    monkeypatch.setitem(connections.settings, "replica_1", replica)
    monkeypatch.setattr(replicas, "aliases", lambda: ("replica_1",))
    played = play(psycopg.OperationalError(REFUSED), False, True)
    assert len(run(capsys, "--replicas")) == 3
    assert [alias for _seconds, alias in played.asked] == ["default", "default", "replica_1"]
    played.answers = [False, psycopg.OperationalError(REFUSED)]
    assert failure("--replicas", "--timeout", "9").returncode == wait_for_db.NOT_IN_TIME
    assert played.now == 9.5


def test_without_replicas_it_says_so(play: Callable[..., PlayedServer]) -> None:
    play(False)
    error = failure("--replicas")
    assert error.returncode == wait_for_db.NEVER
    assert "DATABASE_REPLICA_URLS" in str(error)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('password authentication failed for user "mallory"', "password refused"),
        ('FATAL:  database "ledger" does not exist', "no such database"),
    ],
)
def test_of_several_hosts_each_is_named_with_its_reason(
    play: Callable[..., PlayedServer],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    text: str,
    reason: str,
) -> None:
    there = connections["default"].settings_dict
    hosts = {"HOST": "a.example,b.example", "PORT": "5998,5999"}
    for name, value in {**hosts, "LEDGER_EMBEDDED": False}.items():
        monkeypatch.setitem(there, name, value)
    lines = [
        "Multiple connection attempts failed. All failures were:",
        "- host: 'a.example', port: '5998', hostaddr: '10.0.0.1': Connection refused",
        f"- host: 'b.example', port: '5999', hostaddr: '10.0.0.2': {text}",
    ]
    error = psycopg.OperationalError("\n".join(lines))
    failed_servers.note_connecting(error, {"host": hosts["HOST"], "port": hosts["PORT"]})

    play(error)
    told = str(failure())
    assert f"a.example:5998 refused, b.example:5999 {reason}" in told
    assert "mallory" not in told

    play(False)
    (ready,) = run(capsys)
    assert "a.example:5998, b.example:5999" in ready


@pytest.mark.parametrize("seconds", ["0", "-1", "ten", "1.5", "100000"])
def test_a_time_that_is_none_is_refused(seconds: str) -> None:
    with pytest.raises((CommandError, SystemExit), match=r"from 1 to 86400|2"):
        call_command("wait_for_db", f"--timeout={seconds}")


@pytest.fixture
def late() -> Iterator[TlsServer]:
    """Not started."""
    with tls_server() as found:
        yield found


def waits(folder: Path, url: str, *more: str) -> subprocess.Popen[str]:
    """The command, which has said that it waits."""
    process = subprocess.Popen(
        [*MANAGE, "wait_for_db", "--timeout", str(LONG), *more],
        env=environment(folder, DATABASE_URL=url, LEDGER_URL="http://localhost:8000"),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    assert line.startswith(f"Waiting at most {LONG} s for the database"), line
    assert "refused" in line
    assert PASSWORD not in line
    return process


@NEEDS_DEBIANS_POSTGRES
def test_a_real_server_that_comes_late(late: TlsServer, folder: Path) -> None:
    """The first of two hosts never comes; the second comes, and lacks the role at first."""
    place = f"@{HOST}:{late.port}/"
    url = late.url().replace(place, f"@{HOST}:1,{HOST}:{late.port}/")
    url = url.replace("hostaddr=127.0.0.1", "hostaddr=127.0.0.1,127.0.0.1")
    process = waits(folder, url)
    late.start()
    _, errors = process.communicate(timeout=LONG)
    assert process.returncode == wait_for_db.NEVER
    assert "DB_PASSWORD" in errors
    late.execute(f"CREATE ROLE ledger_web LOGIN PASSWORD '{PASSWORD}'")
    settings = {"DATABASE_URL": url, "LEDGER_URL": "http://localhost:8000"}
    none = manage(folder, "wait_for_db", **settings)
    assert (none.returncode, "createdb" in none.stderr) == (wait_for_db.NEVER, True)
    late.execute("CREATE DATABASE books OWNER ledger_web")
    late.stop()
    process = waits(folder, url)
    late.start()
    _, errors = process.communicate(timeout=LONG)
    assert process.returncode == 0, errors
    assert "Ready after" in errors
    lacks = manage(folder, "wait_for_db", "--migrated", "--timeout", "1", **settings)
    assert lacks.returncode == wait_for_db.NOT_IN_TIME
    assert "migrations are not applied" in lacks.stderr
    assert "Traceback" not in lacks.stderr
