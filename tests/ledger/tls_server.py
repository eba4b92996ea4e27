"""A server of Debian's Postgres that takes TLS alone, with a certificate of the tests."""

import os
import pwd
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.ledger.authority import Authority
from tests.ledger.processes import free_port
from tests.programs import needs

HOST, PASSWORD = "db.bank.test", "of-nobody"
PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
HBA = "local all all trust\nhostssl all all all scram-sha-256\n"
NEEDS_DEBIANS_POSTGRES = needs("postgresql", PROGRAMS)


class TlsServer:
    """A server of Debian's packages that takes TLS alone from the network."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data, self.port = folder, folder / "data", free_port()
        self.authority = Authority(folder)
        self.user = pwd.getpwuid(os.geteuid()).pw_name if os.geteuid() else "postgres"
        self.run("initdb", "-D", str(self.data), "-U", "postgres", "--auth=trust", "--no-sync")
        (self.data / "pg_hba.conf").write_text(HBA)
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(
                f"listen_addresses = '127.0.0.1'\nport = {self.port}\nfsync = off\n"
                f"unix_socket_directories = '{folder}'\nssl = on\n"
            )
        self.present(*self.authority.sign(HOST))

    def run(self, program: str, *arguments: str) -> None:
        """One of Postgres's programs, as a user who is not root."""
        subprocess.run(
            [str(PROGRAMS[-1].parent / program), *arguments],
            user=self.user if os.geteuid() == 0 else None,
            check=True, capture_output=True, cwd=self.folder,
        )  # fmt: skip

    def present(self, certificate: Path, key: Path) -> None:
        """Takes this certificate from the next start on."""
        for source, name in ((certificate, "server.crt"), (key, "server.key")):
            shutil.copy(source, self.data / name)
            if os.geteuid() == 0:
                shutil.chown(self.data / name, self.user)
            (self.data / name).chmod(0o600)

    def start(self, *options: str) -> None:
        """Starts it with these options of `postgres`."""
        log = str(self.folder / "log")
        self.run(
            "pg_ctl", "-D", str(self.data), "-l", log, "-o", shlex.join(options), "-w", "start"
        )

    def stop(self) -> None:
        self.run("pg_ctl", "-D", str(self.data), "-m", "immediate", "-w", "stop")

    def restart(self) -> None:
        self.stop()
        self.start()

    def execute(self, *statements: str) -> None:
        with psycopg.connect(
            host=str(self.folder), port=self.port, user="postgres", dbname="postgres",
            autocommit=True,
        ) as connection:  # fmt: skip
            for statement in statements:
                connection.execute(statement)

    def url(self, host: str = HOST, *, root: Path | None = None, mode: str = "verify-full") -> str:
        return (
            f"postgresql://ledger_web:{PASSWORD}@{host}:{self.port}/books?hostaddr=127.0.0.1"
            f"&sslmode={mode}&sslrootcert={root or self.authority.file}"
        )


@contextmanager
def tls_server() -> Iterator[TlsServer]:
    """A server in a folder of its own, not started; it is ended and deleted after the block."""
    folder = Path(tempfile.mkdtemp(prefix="tls", dir="/tmp"))
    folder.chmod(0o777)
    found = TlsServer(folder)
    try:
        yield found
    finally:
        if (found.data / "postmaster.pid").exists():
            found.stop()
        shutil.rmtree(folder, ignore_errors=True)
