"""Runs tests on Debian's Postgres, which is older than the embedded server.

    python -m tests.older_server tests/transactions/posting ...

The arguments are the arguments of pytest. The server has a separate folder with a socket, and is
deleted at the end. Root starts the server as the OS user `postgres`.
"""

import os
import signal
import subprocess
import sys
from types import FrameType
from urllib.parse import quote

from psycopg.conninfo import make_conninfo

from ledger.embedded.roles import DATABASE, OWNER
from tests.ledger.debian import PROGRAMS, DebianServer
from tests.ledger.processes import reachable_folder
from tests.prepare_server import PASSWORD, prepare

OPTIONS = ("-n", "auto", "--dist", "loadgroup")
MISSING = "Debian's Postgres is not installed: apt-get install postgresql"


def run(arguments: list[str]) -> int:
    """Runs pytest, and returns its exit code."""
    with reachable_folder() as folder:
        server = DebianServer(folder, max_connections="200", fsync="on")  # for check --deploy
        server.start()
        try:
            prepare(make_conninfo(host=str(folder), user="postgres", dbname="postgres"))
            return run_pytest(
                f"postgresql://{OWNER}:{PASSWORD}@{quote(str(folder), safe='')}/{DATABASE}",
                arguments,
            )
        finally:
            server.stop()


def run_pytest(url: str, arguments: list[str]) -> int:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *OPTIONS, *arguments],
        env={**os.environ, "DATABASE_URL": url, "DB_NAME": ""},
        check=False,
    )
    return done.returncode


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(1)  # so that the server is stopped


if __name__ == "__main__":
    if not PROGRAMS:
        sys.exit(MISSING)
    signal.signal(signal.SIGTERM, _end)
    sys.exit(run(sys.argv[1:]))
