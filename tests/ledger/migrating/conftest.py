"""A server whose databases are copies: without tables, migrated, or with one person."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from django.conf import settings

from ledger.db.embedded import EmbeddedServer
from ledger.db.removal import delete_everything
from tests.ledger.migrating.databases import Database
from tests.ledger.processes import reachable_folder

PASSWORD = "lanterns-over-slow-rivers"


class Databases:
    """Makes databases named after what is in them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = EmbeddedServer(folder, settings.LEDGER_PG)
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
        return Database(name, self.folder, url, self.server.binaries)

    def _execute(self, sql: str) -> None:
        info = self.server.ensure_started()
        connecting = psycopg.connect(
            host=info.host, port=info.port, user=info.user, dbname="postgres", autocommit=True
        )
        with closing(connecting) as connection:
            connection.execute(sql)


@pytest.fixture(scope="package")
def databases() -> Iterator[Databases]:
    with reachable_folder() as folder:
        try:
            yield Databases(folder / "data")
        finally:
            delete_everything(folder / "data")


@pytest.fixture
def empty(databases: Databases) -> Database:
    """A migrated database without people."""
    return databases.new("empty")


@pytest.fixture
def people(databases: Databases) -> Database:
    """A migrated database with one person."""
    return databases.new("people")


@pytest.fixture
def new_database(databases: Databases) -> Callable[[str], Database]:
    return databases.new
