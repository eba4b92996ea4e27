"""One database of a test, and manage.py on it."""

import os
import subprocess
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.ledger.processes import LONG, MANAGE, environment


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
