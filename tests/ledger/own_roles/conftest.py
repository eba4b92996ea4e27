"""A server whose administrator is no superuser, as those of RDS and Aurora are."""

import os
import runpy
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from ledger.db.server.embedded import programs
from ledger.embedded.server import EmbeddedServer
from ledger.env import BASE_DIR
from tests.ledger.processes import LONG, MANAGE, environment, own_data_dir
from tests.ledger.servers import superuser_of

ADMIN, OWNER, WEB, AUDITOR = "bank_admin", "bank", "bank_web", "bank_auditor"
WORKER = "bank_worker"
NAME = "bank_books"
# What the templates for AWS tell Postgres.
FILE = BASE_DIR / "deploy/aws/ledger_aws/parameters.py"
PARAMETERS: dict[str, str] = runpy.run_path(str(FILE))["PARAMETERS"]


@dataclass(frozen=True)
class ManagedServer:
    """A server as AWS gives it out: `rds_iam` exists, and the administrator may make roles."""

    folder: Path
    server: EmbeddedServer

    def url(self, role: str) -> str:
        host = quote(str(self.server.ensure_started().host), safe="")
        return f"postgresql://{role}@{host}/{NAME}"

    def manage(self, role: str, *arguments: str, **given: str) -> subprocess.CompletedProcess[str]:
        """Runs manage.py with the login of a role."""
        own = {
            "DATABASE_URL": self.url(role),
            "LEDGER_ROLE_PREFIX": "bank",
            "LEDGER_URL": "http://localhost:8000",
            "PATH": f"{programs()}{os.pathsep}{os.environ['PATH']}",
        }
        return subprocess.run(
            [*MANAGE, *arguments],
            env=environment(self.folder, **own | given),
            capture_output=True,
            text=True,
            timeout=LONG,
            check=False,
        )

    def run(self, role: str, *arguments: str, **given: str) -> str:
        done = self.manage(role, *arguments, **given)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def values(self, role: str, sql: str) -> list[str]:
        """The first column of the answer."""
        with psycopg.connect(self.url(role), autocommit=True) as connection:
            return [str(value) for (value, *_) in connection.execute(sql.encode())]


@pytest.fixture(scope="package")
def bare() -> Iterator[ManagedServer]:
    """Without any role of the bank."""
    with own_data_dir() as data_dir:
        server = EmbeddedServer(data_dir)
        with superuser_of(server) as connection:
            connection.execute(f"CREATE ROLE {ADMIN} LOGIN CREATEROLE CREATEDB")
            connection.execute("CREATE ROLE rds_iam")
            connection.execute(f"GRANT rds_iam TO {ADMIN} WITH ADMIN OPTION")
        yield ManagedServer(data_dir, server)


@pytest.fixture(scope="package")
def managed(bare: ManagedServer) -> ManagedServer:
    """With the roles, every table, and a bank that has paid."""
    bare.run(ADMIN, "create_roles", "--iam", "--owner", OWNER)
    bare.run(OWNER, "migrate", "-v0")
    bare.run(OWNER, "seed_demo", "--force", "-v0")
    return bare
