"""A server of Debian's Postgres, which has the extensions that the embedded one lacks."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from ledger.embedded import roles
from tests.ledger.databases import Database
from tests.programs import needs

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
EXTENSION = Path("/usr/share/postgresql")
NEEDS_PG_STAT_STATEMENTS = needs(
    "postgresql", PROGRAMS and list(EXTENSION.glob("*/extension/pg_stat_statements.control"))
)


class DebianServer:
    """A server in a folder of its own, on a socket there, that trusts everybody who enters."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder, self.data = folder, folder / "data"
        self._user = pwd.getpwuid(os.geteuid()).pw_name if os.geteuid() else "postgres"
        if os.geteuid() == 0:
            shutil.chown(folder, self._user)
        self._run("initdb", "-D", str(self.data), "-U", "postgres", "--auth=trust", "--no-sync")
        own = {"listen_addresses": "", "fsync": "off", "unix_socket_directories": str(folder)}
        with (self.data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in (own | settings).items())

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(PROGRAMS[-1].parent / program), *arguments],
            user=self._user if os.geteuid() == 0 else None,
            check=True, stdout=subprocess.DEVNULL, cwd=self.folder,
        )  # fmt: skip

    def start(self) -> None:
        self._run("pg_ctl", "-D", str(self.data), "-l", str(self.folder / "log"), "-w", "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self.data), "-m", "immediate", "-w", "stop")

    def session(self, user: str = "postgres") -> psycopg.Connection[Any]:
        return psycopg.connect(host=str(self.folder), user=user, dbname="postgres", autocommit=True)

    def execute(self, *statements: str, user: str = "postgres") -> None:
        with self.session(user) as connection:
            for statement in statements:
                connection.execute(statement.encode())


def database_of(debian: DebianServer, name: str) -> Database:
    """A database of the owner on this server, which need not be there yet."""
    url = f"postgresql://{roles.OWNER}@{quote(str(debian.folder), safe='')}/{name}"
    return Database(name, debian.folder / f"data of {name}", url, PROGRAMS[-1].parent)
