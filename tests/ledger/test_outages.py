"""A request that fails because of its database is one line of the log: what failed, where, and why
in words of ours, never in those of the server.
"""

import io
import logging
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, InternalError, OperationalError, connection
from django.test import Client, override_settings
from psycopg_pool import PoolTimeout

from accounts.middleware import _note
from accounts.models import Account, WebSession
from accounts.sign_in.session_store import SessionStore
from ledger.db.backend.limited import LimitedConnection, ServerHangs
from ledger.db.ids import uuid7
from ledger.db.outages.reasons import Reason, in_words
from ledger.db.retry import NotConfirmed, OutcomeUnknown
from ledger.db.server import failed_servers
from ledger.db.server.credentials import Login, LoginSource
from ledger.db.server.embedded import EmbeddedServerError
from tests.factories import AccountFactory, UserFactory
from tests.ledger.cache_outage import cache_writes_fail
from tests.ledger.processes import free_port
from tests.pages import text_of, without_request
from tests.reviews import reviewed
from tests.unreachable import unreachable_database

AT = 'connection to server at "10.0.0.7", port 5432 failed: '
TEXTS = {
    Reason.REFUSED: [AT + "Connection refused\n\tIs the server running on that host?"],
    Reason.NO_SOCKET: ['on socket "/run/x/.s.PGSQL.5432" failed: No such file or directory'],
    Reason.UNREACHABLE: [AT + "No route to host", AT + "Network is unreachable"],
    Reason.TIMEOUT: [AT + "timeout expired", AT + "Connection timed out"],
    Reason.CLOSED: [
        "consuming input failed: server closed the connection unexpectedly",
        "could not receive data from server: Connection reset by peer",
        "SSL connection has been closed unexpectedly",
        "SSL SYSCALL error: EOF detected",
        "the connection is lost",
    ],
    Reason.ENDED: ["terminating connection due to administrator command\nSSL connection"],
    Reason.STANDBY: [AT + "session is read-only", AT + "server is in hot standby mode"],
    Reason.NO_REPLICA: [AT + "session is not read-only", AT + "server is not in hot standby mode"],
    Reason.STARTING: [
        AT + "FATAL:  the database system is starting up",
        AT + "FATAL:  the database system is not yet accepting connections",
    ],
    Reason.STOPPING: [AT + "FATAL:  the database system is shutting down"],
    Reason.RECOVERING: [AT + "FATAL:  the database system is in recovery mode"],
    Reason.NOT_ACCEPTING: [AT + "FATAL:  the database system is not accepting connections"],
    Reason.NAME: ['could not translate host name "db" to address: Name or service not known'],
    Reason.PASSWORD: [
        AT + 'FATAL:  password authentication failed for user "mallory"',
        AT + "fe_sendauth: no password supplied",
    ],
    Reason.NOT_ADMITTED: [
        AT + 'FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "mallory", SSL encryption',
        AT + 'FATAL:  role "mallory" is not permitted to log in',
    ],
    Reason.OS_USER: [
        AT + 'FATAL:  Peer authentication failed for user "mallory"',
        AT
        + 'FATAL:  Ident authentication failed for user "mallory"\n'
        + AT
        + 'FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "mallory", no encryption',
    ],
    Reason.NO_DATABASE: [AT + 'FATAL:  database "mallory" does not exist'],
    Reason.NO_ROLE: [AT + 'FATAL:  role "mallory" does not exist'],
    Reason.TOO_MANY: [
        AT + "FATAL:  sorry, too many clients already",
        AT + 'FATAL:  too many connections for role "mallory"',
        AT + "FATAL:  remaining connection slots are reserved for superusers",
    ],
    Reason.TLS: [
        AT + "SSL error: certificate verify failed",
        'server certificate for "a.example" does not match host name "b.example"',
        AT + "server does not support SSL, but SSL was required",
        'root certificate file "/mallory/root.crt" does not exist',
    ],
    Reason.POOLER: [AT + "FATAL:  server login has been failing, try again later"],
    Reason.POOLER_NOT_DECLARED: [
        AT + "FATAL:  unsupported startup parameter: options",
        AT + "FATAL:  unsupported startup parameter in options: lock_timeout",
        AT + "FATAL:  RDS Proxy currently doesn't support command-line options.",
    ],
    Reason.OTHER: ["FATAL:  das Datenbanksystem startet, mallory", ""],
}
CASES = [(reason, text) for reason, texts in TEXTS.items() for text in texts]
STATES = [
    (psycopg.errors.AdminShutdown("mallory"), "ended by the server (57P01)"),
    (psycopg.errors.ReadOnlySqlTransaction("mallory"), "standby or read-only (25006)"),
    (psycopg.errors.QueryCanceled("mallory"), "statement timeout (57014)"),
    (psycopg.errors.DiskFull("mallory"), "disk full (53100)"),
    (psycopg.errors.InsufficientPrivilege("mallory"), "permission denied (42501)"),
    (psycopg.errors.UndefinedTable("mallory"), "no such table (42P01)"),
    (psycopg.errors.UniqueViolation("mallory"), "another reason (23505)"),
    (psycopg.errors.ConnectionTimeout("mallory"), "timeout"),
    (ServerHangs("mallory"), "hangs"),
    (PoolTimeout("mallory"), "no free connection in the pool"),
]


def caused_by(cause: BaseException, kind: type[DatabaseError] = OperationalError) -> DatabaseError:
    """As Django raises it."""
    error = kind(str(cause))
    error.__cause__ = cause
    return error


def line_in(log: io.StringIO) -> tuple[str, str]:
    """The only line, and the id of its request."""
    (line,) = log.getvalue().splitlines()
    said, _, number = line.partition(" request_id=")
    return said, number


@pytest.mark.parametrize(("reason", "text"), CASES)
def test_what_the_server_said_becomes_a_reason_of_ours(reason: Reason, text: str) -> None:
    assert in_words(caused_by(psycopg.OperationalError(text))) == reason.value


@pytest.mark.parametrize(("cause", "words"), STATES, ids=lambda v: type(v).__name__)
def test_an_error_with_a_code_is_known_by_it(cause: psycopg.Error, words: str) -> None:
    assert in_words(caused_by(caused_by(cause))) == words


def test_errors_of_ours_have_their_reason() -> None:
    assert in_words(NotConfirmed("x")) == "not confirmed by the standby"
    assert in_words(caused_by(EmbeddedServerError("/a/path"))) == Reason.EMBEDDED.value
    assert in_words(OperationalError("x")) == "another reason"


def test_each_host_has_a_reason_of_its_own() -> None:
    one, other = free_port(), free_port()
    with pytest.raises(psycopg.OperationalError) as refused:
        LimitedConnection.connect(host="127.0.0.1,::1", port=f"{one},{other}", user="mallory")
    said = in_words(refused.value)
    assert said.startswith(f"127.0.0.1:{one} refused, [::1]:{other} ")
    assert "mallory" not in said


def test_one_host_and_a_socket_have_a_name(tmp_path: Any) -> None:
    port = free_port()
    with pytest.raises(psycopg.OperationalError) as refused:
        LimitedConnection.connect(f"host=localhost port={port}", host="localhost", port=port)
    assert in_words(refused.value) == f"localhost:{port} refused"
    with pytest.raises(psycopg.OperationalError) as missing:
        LimitedConnection.connect(host=str(tmp_path), port=port)
    assert in_words(missing.value) == f"{tmp_path}/.s.PGSQL.{port} no socket"


def test_a_line_that_a_server_made_up_names_no_host() -> None:
    text = "FATAL: x\n- host: 'mallory', port: '1', hostaddr: None: Connection refused"
    error = psycopg.OperationalError(text)
    failed_servers.note_connecting(error, {"host": "a.example,b.example", "port": "5432"})
    assert in_words(error) == "a.example:5432 refused, b.example:5432 refused"


def test_with_a_login_for_each_host_each_one_is_named() -> None:
    def connect(*, host: str, **_: Any) -> Any:
        error = psycopg.OperationalError("Connection refused" if host == "::1" else "read-only")
        failed_servers.note_connecting(error, {"host": host, "port": 5432})
        raise error

    class Logins(LoginSource):
        def _ask(self, place: Any) -> Any:
            return Login("mallory", "secret")

    with pytest.raises(psycopg.OperationalError) as refused:
        Logins(60).connect(connect, {"host": "::1,::2", "port": "5432"})
    assert in_words(refused.value) == "[::1]:5432 refused, [::2]:5432 another reason"


PAGES = [("/", "home"), ("/transfers/new/", "transactions:transfer"), ("/nowhere/", "unknown")]


@pytest.mark.own_connection
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("path", "route"), PAGES)
@pytest.mark.parametrize("debug", [False, True])
def test_a_page_without_its_database_is_one_line(
    path: str, route: str, debug: bool, log: io.StringIO, settings: Any
) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(UserFactory())
    settings.DEBUG = debug
    with unreachable_database() as servers:
        answer = client.get(path)
    said, number = line_in(log)
    assert said.endswith(f"ERROR ledger.outage: NOT_STARTED GET {route}: {servers}")
    assert number == answer.headers["X-Request-ID"]


@pytest.mark.own_connection
@pytest.mark.django_db(transaction=True)
def test_the_probe_says_why_it_is_not_ready(client: Client, log: io.StringIO) -> None:
    with unreachable_database() as servers:
        assert client.get("/readyz").status_code == 503
    line, _ = line_in(log)
    assert line.endswith(f"NOT_STARTED GET readyz: {servers}")


@pytest.fixture
def account(client: Client, db: None) -> Account:
    account: Account = AccountFactory(balance="100")
    client.force_login(account.user)
    return account


FAILURES: list[tuple[Exception, type[DatabaseError], str]] = [
    (psycopg.errors.AdminShutdown(), OperationalError, "UNKNOWN GET home: ended by the server"),
    (ServerHangs("x"), OutcomeUnknown, "UNKNOWN GET home: hangs"),
    (psycopg.errors.QueryCanceled(), OperationalError, "TIMED_OUT GET home: statement timeout"),
    (psycopg.errors.ReadOnlySqlTransaction(), InternalError, "NOT_STARTED GET home: standby or"),
    (psycopg.errors.LockNotAvailable(), OperationalError, "LOST_RACE GET home: lock timeout"),
    (psycopg.errors.DiskFull(), OperationalError, "FINAL GET home: disk full"),
]


@pytest.mark.parametrize(("cause", "kind", "words"), FAILURES, ids=lambda v: type(v).__name__)
def test_a_view_that_loses_its_database_is_one_line(
    cause: Exception,
    kind: type[DatabaseError],
    words: str,
    client: Client,
    account: Account,
    log: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any) -> None:
        raise caused_by(cause, kind)

    monkeypatch.setattr("transactions.home.views.home_of", fail)
    assert client.get("/").status_code == 503
    (line,) = log.getvalue().splitlines()
    assert words in line


@pytest.mark.parametrize("cause", [psycopg.errors.DiskFull("x"), psycopg.errors.SyntaxError("x")])
def test_other_failures_before_a_view_keep_their_traceback(
    cause: psycopg.Error,
    client: Client,
    account: Account,
    log: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_request: Any) -> None:
        raise caused_by(cause)

    monkeypatch.setattr("django.contrib.auth.middleware.get_user", fail)
    client.raise_request_exception = False
    client.get("/")
    assert "Traceback" in log.getvalue()
    assert "in fail" in log.getvalue()


@pytest.mark.parametrize("cause", [psycopg.errors.LockNotAvailable("x"), ServerHangs("x")])
@pytest.mark.parametrize("is_lost", [True, False])
def test_a_wait_for_a_standby_before_a_view_is_one_line_that_says_so(
    cause: psycopg.Error,
    is_lost: bool,
    client: Client,
    account: Account,
    log: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_session: Any) -> None:
        raise caused_by(cause)

    monkeypatch.setattr(SessionStore, "seen", fail)
    monkeypatch.setattr("ledger.web.outages.nobody_confirms", lambda: is_lost)
    client.raise_request_exception = False
    assert client.get("/").status_code == 503
    line, _ = line_in(log)
    assert line.endswith(", no standby confirms commits") is is_lost


def test_signing_in_that_waits_for_a_standby_is_an_outage_and_not_too_many_attempts(
    client: Client, account: Account, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is counted in the cache, whose COMMIT waits before any other."""
    monkeypatch.setattr("ledger.web.outages.nobody_confirms", lambda: True)
    client.raise_request_exception = False
    client.logout()
    form = {"login": account.user.email, "password": "wrong"}
    with cache_writes_fail(ServerHangs("x")):
        assert client.post("/account/login/", form).status_code == 503
    line, _ = line_in(log)
    assert line.endswith(" UNKNOWN POST account_login: hangs, no standby confirms commits")


def test_no_other_failure_asks_for_the_standby(
    client: Client, account: Account, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_session: Any) -> None:
        raise caused_by(psycopg.errors.AdminShutdown())

    monkeypatch.setattr(SessionStore, "seen", fail)
    monkeypatch.setattr("ledger.web.outages.nobody_confirms", lambda: pytest.fail("it asked"))
    client.raise_request_exception = False
    assert client.get("/").status_code == 503


def test_a_session_that_cannot_be_saved_is_an_outage(
    client: Client, account: Account, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Django would take it for a session that was deleted meanwhile, and answer 400."""

    def fail(*_: Any, **_options: Any) -> None:
        raise caused_by(ServerHangs("x"))

    monkeypatch.setattr(WebSession, "save", fail)
    monkeypatch.setattr("ledger.web.outages.nobody_confirms", lambda: False)
    client.raise_request_exception = False
    with override_settings(SESSION_SAVE_EVERY_REQUEST=True):
        assert client.get("/").status_code == 503
    assert line_in(log)[0].endswith(" UNKNOWN GET home: hangs")


def test_the_server_of_an_open_connection_is_named(account: Account) -> None:
    with pytest.raises(OperationalError) as caught, connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '1ms'; SELECT pg_sleep(5)")
    info = connection.connection.info
    server = failed_servers.name_of(info.host, str(info.port))
    assert in_words(caught.value) == f"{server} statement timeout (57014)"


def test_a_read_that_cannot_be_logged_is_one_line(
    client: Client, log: io.StringIO, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise caused_by(psycopg.errors.AdminShutdown())

    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    AccountFactory()
    monkeypatch.setattr("accounts.read_log._log", fail)
    assert client.get("/admin/accounts/account/").status_code == 503
    (line,) = log.getvalue().splitlines()
    assert "UNKNOWN GET admin:accounts_account_changelist: ended by the server" in line


@pytest.mark.parametrize("is_lost", [True, False])
def test_a_read_that_waited_for_a_lost_standby_gets_the_page_of_later_ones(
    is_lost: bool, client: Client, log: io.StringIO, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise caused_by(ServerHangs("x"))

    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    AccountFactory()
    monkeypatch.setattr("accounts.read_log._log", fail)
    monkeypatch.setattr("ledger.web.outages.nobody_confirms", lambda: is_lost)
    first = client.get("/admin/accounts/account/")
    monkeypatch.setattr("accounts.read_log.is_known_lost", lambda: True)
    later = client.get("/admin/accounts/account/")
    assert first.status_code == later.status_code == 503
    said = [without_request(text_of(page)) for page in (first, later)]
    assert (said[0] == said[1]) is is_lost
    line = log.getvalue().splitlines()[0].partition(" request_id=")[0]
    assert line.endswith(", no standby confirms commits") is is_lost


@pytest.mark.parametrize(
    ("cause", "has_trace"),
    [(psycopg.errors.AdminShutdown(), False), (psycopg.errors.DiskFull(), True)],
)
def test_a_session_that_cannot_note_what_it_wrote_is_one_line(
    cause: psycopg.Error, has_trace: bool, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise caused_by(cause)

    monkeypatch.setattr(SessionStore, "note_writer", fail)
    _note(SessionStore(), has_written=False)
    first, *others = log.getvalue().splitlines()
    assert "could not be stored in the session: " in first
    assert bool(others) is has_trace


def test_a_payment_that_loses_its_database_is_one_line(
    client: Client, account: Account, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = {
        "id": uuid7(), "from_account": account.pk, "number": AccountFactory().number,
        "amount": "30", "description": "Rent", "reference": "",
    }  # fmt: skip
    form = {**reviewed(client, "/transfers/new/", form), "step": "send"}

    def fail(*_: Any, **__: Any) -> None:
        raise caused_by(psycopg.errors.AdminShutdown())

    monkeypatch.setattr("transactions.services.book_once", fail)
    assert client.post("/transfers/new/", form).status_code == 503
    (line,) = log.getvalue().splitlines()
    assert "UNKNOWN POST transactions:transfer: ended by the server (57P01)" in line


def test_a_pool_tells_why_it_could_not_connect_in_our_words(log: io.StringIO) -> None:
    error = psycopg.OperationalError(AT + 'FATAL:  password authentication failed for "mallory"')
    failed_servers.note_connecting(error, {"host": "a.example", "port": "5432"})
    logging.getLogger("psycopg.pool").warning("error connecting in %r: %s", "pool-1", error)
    (line,) = log.getvalue().splitlines()
    assert line.endswith("error connecting in 'pool-1': a.example:5432 password refused")
