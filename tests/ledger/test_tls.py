"""TLS with a server that has a certificate of an authority of the tests: by one connection, and by
a pool.

The embedded server has no TLS, so these tests start one of Debian's packages, and only connect.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.hazmat.primitives import serialization
from django.db import OperationalError, connection, connections
from pytest_django import DjangoDbBlocker

from ledger.db import retry
from ledger.db.outages import reasons
from ledger.db.server import tools
from tests.ledger.authority import Authority
from tests.ledger.tls_server import (
    HOST,
    NEEDS_DEBIANS_POSTGRES,
    PASSWORD,
    PROGRAMS,
    TlsServer,
    tls_server,
)

ALIAS = "tls"

pytestmark = [
    NEEDS_DEBIANS_POSTGRES,
]


@pytest.fixture(scope="module")
def server() -> Iterator[TlsServer]:
    with tls_server() as found:
        found.start()
        found.execute(
            f"CREATE ROLE ledger_web LOGIN PASSWORD '{PASSWORD}'", "CREATE DATABASE books"
        )
        yield found


Connect = Callable[[str], None]


@pytest.fixture(params=["", "2"], ids=["alone", "pool"])
def connect(
    request: pytest.FixtureRequest,
    default: Callable[..., dict[str, Any]],
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[Connect]:
    """A connection of a web process with these settings."""

    def connect(url: str) -> None:
        settings = default(
            DATABASE_URL=url, DB_POOL=request.param, LEDGER_ROLE="web", LEDGER_CONNECT_TIMEOUT="1",
            LEDGER_URL="http://localhost:8000",
        )  # fmt: skip
        connections.settings[ALIAS] = {**connections.settings["default"], **settings}
        with connections[ALIAS].cursor() as cursor:
            cursor.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            assert cursor.fetchone() == (True,)

    with django_db_blocker.unblock():  # no test database is needed
        yield connect
        database: Any = connections[ALIAS]
        database.close()
        database.close_pool()
    del connections[ALIAS], connections.settings[ALIAS]


def refused(connect: Connect, url: str) -> str:
    """What was said; it is safe to try again, because nothing was sent. TLS is the reason."""
    with pytest.raises(OperationalError) as caught:
        connect(url)
    assert reasons.for_everybody(caught.value) == reasons.Reason.TLS.value
    assert retry.failure_of(caught.value) is retry.Failure.NOT_STARTED
    assert PASSWORD not in str(caught.value)
    return str(caught.value)


def test_the_right_certificate_is_believed(server: TlsServer, connect: Connect) -> None:
    connect(server.url())


def test_another_host_is_refused(server: TlsServer, connect: Connect) -> None:
    refused(connect, server.url("other.bank.test"))


def test_an_unknown_authority_is_refused(
    server: TlsServer, connect: Connect, tmp_path: Path
) -> None:
    refused(connect, server.url(root=Authority(tmp_path, "Stranger").file))


def test_a_certificate_that_ended_is_refused(server: TlsServer, connect: Connect) -> None:
    ended = datetime.now(UTC) - timedelta(days=1)
    server.present(*server.authority.sign(HOST, ends=ended))
    server.restart()
    try:
        refused(connect, server.url())
    finally:
        server.present(*server.authority.sign(HOST))
        server.restart()


def test_a_server_without_tls_is_refused(server: TlsServer, connect: Connect) -> None:
    server.execute("ALTER SYSTEM SET ssl = off")
    server.restart()
    try:
        refused(connect, server.url())
    finally:
        server.execute("ALTER SYSTEM RESET ssl")
        server.restart()


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
def test_plain_text_does_not_even_start(
    mode: str, server: TlsServer, refusal: Callable[..., str]
) -> None:
    url = server.url(mode=mode).replace("hostaddr=127.0.0.1&", "")
    assert "plain text" in refusal(DATABASE_URL=url)


def test_the_server_takes_no_plain_text(server: TlsServer) -> None:
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        psycopg.connect(
            host="127.0.0.1", port=server.port, user="ledger_web", password=PASSWORD,
            dbname="books", sslmode="disable",
        )  # fmt: skip


def test_pg_dump_believes_the_right_certificate_alone(
    server: TlsServer,
    default: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """As `manage.py backup` runs it; the programs of the embedded server know no TLS."""
    monkeypatch.setattr(tools, "server_major", lambda: int(PROGRAMS[-1].parts[-3]))
    monkeypatch.setenv("PATH", str(PROGRAMS[-1].parent))
    dump = tmp_path / "dump"

    certificate, key, password = client_certificate(server.authority, tmp_path)
    by_key = f"&sslcert={certificate}&sslkey={key}&sslpassword="

    def run_with(url: str) -> None:
        for name, value in default(DATABASE_URL=url).items():
            monkeypatch.setitem(connection.settings_dict, name, value)
        tools.run("pg_dump", "--schema-only", f"--file={dump}")

    run_with(server.url())
    assert "PostgreSQL database dump" in dump.read_text()
    dump.unlink()
    run_with(server.url() + by_key + password)
    assert "PostgreSQL database dump" in dump.read_text()
    with pytest.raises(tools.ProgramFailed, match="private key"):
        run_with(server.url() + by_key + "wrong")
    for url in (
        server.url("other.bank.test"),
        server.url(root=Authority(tmp_path, "Stranger").file),
    ):
        with pytest.raises(tools.ProgramFailed, match="certificate"):
            run_with(url)


def client_certificate(authority: Authority, folder: Path) -> tuple[Path, Path, str]:
    """Of a client: its file, that of its key, and the password by which the key is encrypted."""
    certificate, key = authority.sign("client")
    password = "of the key"
    found = serialization.load_pem_private_key(key.read_bytes(), None)
    hidden = folder / "client.key"
    hidden.write_bytes(
        found.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(password.encode()),
        )
    )
    hidden.chmod(0o600)
    return certificate, hidden, password
