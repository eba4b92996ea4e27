"""Pools and poolers in front of the test database: Django's pool, and pgbouncer in transaction
mode.
"""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.postgresql import base

from ledger.settings.pool import RECONNECT_SECONDS, behind_pooler, with_pool
from tests.ledger.authority import Authority
from tests.ledger.processes import free_port, wait_until
from tests.programs import needs

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
NEEDS_PGBOUNCER = needs("pgbouncer", PROGRAM)
# The settings that docs/databases.md recommends.
CONFIGURATION = """
[databases]
* = host='{host}' port={port}
[pgbouncer]
listen_addr = {address}
listen_port = {own_port}
unix_socket_dir = {folder}
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 500
logfile = {folder}/log
{further}
"""


def major_version() -> int:
    """Returns the major version of the test database's server, such as 18."""
    database: Any = connection
    return int(database.pg_version) // 10_000


def knows_transaction_timeout() -> bool:
    return major_version() >= 17


def server() -> dict[str, Any]:
    """Returns the settings of a direct connection to the test database, even if the tests use a
    pool or pooler.
    """
    found: dict[str, Any] = connection.settings_dict.get("BEHIND", connection.settings_dict)
    if "pool" not in found["OPTIONS"]:
        return dict(found)
    options = {name: value for name, value in found["OPTIONS"].items() if name != "pool"}
    kept = {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
    return {**found, **kept, "OPTIONS": options}


TLS = """
client_tls_sslmode = require
client_tls_cert_file = {certificate}
client_tls_key_file = {key}
"""


class Pooler:
    """A pgbouncer with `size` connections to the server for each role."""

    def __init__(self, folder: Path, size: int, further: str, *, by_tls: bool) -> None:
        self.folder, self.port = folder, free_port()
        self._authority = Authority(folder) if by_tls else None
        if self._authority:
            certificate, key = self._authority.sign("localhost")
            if os.geteuid() == 0:
                shutil.chown(key, Path(server()["HOST"]).owner())
            further += TLS.format(certificate=certificate, key=key)
        self._configuration = folder / "pgbouncer.ini"
        if "server_reset_query_always" not in further:
            further += "\nserver_reset_query_always = 1"
        there = server()
        roles = (
            there["USER"], settings.LEDGER_WEB_ROLE, settings.LEDGER_WORKER_ROLE,
            settings.LEDGER_EXPLORER_ROLE,
        )  # fmt: skip
        (folder / "users").write_text("".join(f'"{role}" ""\n' for role in roles))
        self._configuration.write_text(
            CONFIGURATION.format(
                host=there["HOST"], port=there["PORT"] or 5432, own_port=self.port, folder=folder,
                size=size, further=further, address="127.0.0.1" if by_tls else "",
            )
        )  # fmt: skip

    def start(self) -> None:
        assert PROGRAM is not None
        # pgbouncer refuses to run as root, and only the server's OS user may enter the folder of
        # its socket.
        user = ["-u", Path(server()["HOST"]).owner()] if os.geteuid() == 0 else []
        self._process = subprocess.Popen(
            [PROGRAM, "-q", *user, str(self._configuration)], stderr=subprocess.DEVNULL
        )
        wait_until(self._listens)

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as found:
            return found.connect_ex(str(self.folder / f".s.PGSQL.{self.port}")) == 0

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(timeout=30)

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Returns the settings of a connection through pgbouncer, as with DB_POOLER=transaction."""
        found = {
            **behind_pooler(server()),
            "HOST": str(self.folder), "PORT": str(self.port), "LEDGER_EMBEDDED": False,
            "BEHIND": server(), **changes,
        }  # fmt: skip
        if self._authority:
            encrypted = {"sslmode": "verify-full", "sslrootcert": str(self._authority.file)}
            found |= {"HOST": "localhost", "OPTIONS": {**found["OPTIONS"], **encrypted}}
        return found


@contextmanager
def pgbouncer(*, size: int = 1, further: str = "", by_tls: bool = False) -> Iterator[Pooler]:
    """Runs pgbouncer while the `with` block runs. `further` contains additional lines of its
    configuration.

    With `by_tls`, pgbouncer accepts TLS connections over TCP, with a certificate that clients
    verify (verify-full).
    """
    if not server().get("LEDGER_EMBEDDED"):
        pytest.skip(
            "pgbouncer enters by the socket of the embedded server, which asks for no password"
        )
    with tempfile.TemporaryDirectory(prefix="pool", dir="/tmp") as found:
        Path(found).chmod(0o777)
        pooler = Pooler(Path(found), size, further, by_tls=by_tls)
        pooler.start()
        try:
            yield pooler
        finally:
            pooler.stop()


@contextmanager
def own_pool(*, size: int = 1, seconds: int = 10, **changes: Any) -> Iterator[dict[str, Any]]:
    """Yields the settings of a connection from a separate pool, as with DB_POOL. The pool connects
    to the server itself. Each thread must set and close its connection.
    """
    options = {
        "min_size": 0, "max_size": size, "timeout": seconds, "reconnect_timeout": RECONNECT_SECONDS
    }  # fmt: skip
    pools = base.DatabaseWrapper._connection_pools  # type: ignore[attr-defined]
    before = dict(pools)
    pools.clear()
    try:
        yield {**with_pool(server(), options), **changes}
    finally:
        if DEFAULT_DB_ALIAS in pools:
            pools[DEFAULT_DB_ALIAS].close()
        pools.clear()
        pools.update(before)


@contextmanager
def connected(through: dict[str, Any]) -> Iterator[Any]:
    """Makes this thread connect with these settings."""
    database: Any = connections[DEFAULT_DB_ALIAS]
    before = database.settings_dict
    database.close()
    database.settings_dict = through
    try:
        yield database
    finally:
        database.close()
        database.settings_dict = before


def directly() -> AbstractContextManager[Any]:
    """Connects this thread to the server itself, without a pool or pooler."""
    return connected(server())


def limited_to(**seconds: float) -> AbstractContextManager[Any]:
    """Connects this thread to the server itself with these LEDGER_TIMEOUTS.

    `SET lock_timeout` is not enough: neither a request with row-level security nor pgbouncer keeps
    what a session sets, so the test would wait forever.
    """
    return connected({**server(), "LEDGER_TIMEOUTS": seconds})


def beside(**parameters: Any) -> psycopg.Connection[Any]:
    """Returns a new psycopg connection to the server itself, in no transaction. `user` and `dbname`
    select another user or another database.
    """
    there = server()
    return psycopg.connect(
        host=there["HOST"], port=there["PORT"] or None, autocommit=True,
        password=there.get("PASSWORD") or None,
        **{"user": there["USER"], "dbname": there["NAME"], **parameters},
    )  # fmt: skip


@contextmanager
def everything_through_pgbouncer() -> Iterator[None]:
    """Routes every connection of this process to the test database through pgbouncer with TLS, in
    all threads.
    """
    there: dict[str, Any] = connection.settings_dict
    before = dict(there)
    with pgbouncer(size=30, by_tls=True) as pooler:
        connection.close()
        there.update(pooler.settings(BEHIND=before))
        try:
            yield
        finally:
            connection.close()
            there.clear()
            there.update(before)
