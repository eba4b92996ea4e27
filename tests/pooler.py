"""A pgbouncer in transaction mode before the test database, with one connection to the server."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from tests.ledger.processes import free_port, wait_until

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
CONFIGURATION = """
[databases]
{name} = host={host} port={port} dbname={name} user={role}
[pgbouncer]
listen_addr =
listen_port = {own_port}
unix_socket_dir = {folder}
auth_type = any
pool_mode = transaction
default_pool_size = 1
logfile = {folder}/log
"""


@contextmanager
def pooled() -> Iterator[dict[str, Any]]:
    """Runs pgbouncer for the web role; yields what changes in the settings of a connection."""
    assert PROGRAM is not None
    server = connection.settings_dict
    with tempfile.TemporaryDirectory(prefix="pool", dir="/tmp") as found:
        folder, port = Path(found), free_port()
        folder.chmod(0o777)
        configuration = folder / "pgbouncer.ini"
        configuration.write_text(
            CONFIGURATION.format(
                name=server["NAME"], host=server["HOST"], port=server["PORT"] or 5432,
                role=settings.LEDGER_WEB_ROLE, own_port=port, folder=folder,
            )
        )  # fmt: skip
        # It refuses to be root; only the server's own user enters the folder of its socket.
        user = ["-u", Path(server["HOST"]).owner()] if os.geteuid() == 0 else []
        process = subprocess.Popen(
            [PROGRAM, "-q", *user, str(configuration)], stderr=subprocess.DEVNULL
        )
        try:
            wait_until((folder / f".s.PGSQL.{port}").exists)
            yield {
                "HOST": str(folder), "PORT": str(port), "USER": settings.LEDGER_WEB_ROLE,
                "LEDGER_EMBEDDED": False, "LEDGER_TIMEOUTS": {}, "CONN_MAX_AGE": None,
                "DISABLE_SERVER_SIDE_CURSORS": True,
                "OPTIONS": {**server["OPTIONS"], "prepare_threshold": None},
            }  # fmt: skip
        finally:
            process.terminate()
            process.wait(timeout=30)
