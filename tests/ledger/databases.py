"""Databases of a test on a server of its own, and manage.py on each."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg

from ledger.db.server.embedded import programs
from ledger.embedded.roles import OWNER
from ledger.embedded.server import EmbeddedServer
from tests.ledger.processes import LONG, MANAGE, environment, own_data_dir

PASSWORD = "lanterns-over-slow-rivers"


@dataclass(frozen=True)
class Database:
    name: str
    folder: Path
    url: str
    binaries: Path

    def manage(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Runs manage.py on it, as on a server of one's own."""
        path = f"{self.binaries}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            [*MANAGE, *arguments],
            env=environment(self.folder, **{"DATABASE_URL": self.url, "PATH": path, **settings}),
            capture_output=True,
            text=True,
            timeout=LONG,
            check=False,
        )

    def run(self, *arguments: str, **settings: str) -> str:
        done = self.manage(*arguments, **settings)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def values(self, sql: str) -> list[str]:
        """The first column of the answer."""
        with closing(psycopg.connect(self.url, autocommit=True)) as connection:
            return [str(value) for (value, *_) in connection.execute(sql.encode())]

    def schema(self) -> list[str]:
        """What pg_dump says of its tables, without what is random."""
        command = [str(self.binaries / "pg_dump"), "--schema-only", f"--dbname={self.url}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONG, check=True)
        return [line for line in done.stdout.splitlines() if "restrict" not in line]


class Databases:
    """Makes databases named after what is in them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = EmbeddedServer(folder)
        self.server.ensure_started()
        self.number = 0
        self.originals: dict[str, Database] = {}

    def new(self, kind: str) -> Database:
        """A database of its own: for "nothing", only its name."""
        self.number += 1
        made = self._named(f"{kind}{self.number}")
        if kind != "nothing":
            if kind not in self.originals:
                self.originals[kind] = self._original(kind)
            self._execute(f"CREATE DATABASE {made.name} TEMPLATE {self.originals[kind].name}")
        return made

    def _original(self, kind: str) -> Database:
        made = self._named(f"original_{kind}")
        made.run("createdb")
        made.run("migrate", "-v0")
        if kind == "people":
            person = ("--no-input", "--email", "root@example.com", "--name", "Root")
            made.run(
                "createsuperuser", *person, DJANGO_SUPERUSER_PASSWORD="lanterns-over-slow-rivers"
            )
        return made

    def _named(self, name: str) -> Database:
        host = quote(str(self.server.ensure_started().host), safe="")
        url = f"postgresql://ledger@{host}/{name}"
        return Database(name, self.folder, url, programs())

    def _execute(self, sql: str) -> None:
        info = self.server.ensure_started()
        connecting = psycopg.connect(
            host=info.host, port=info.port, user=OWNER, dbname="postgres", autocommit=True
        )
        with closing(connecting) as connection:
            connection.execute(sql)


@contextmanager
def own_databases() -> Iterator[Databases]:
    """On a server of its own, which is deleted after the block."""
    with own_data_dir() as data_dir:
        yield Databases(data_dir)
