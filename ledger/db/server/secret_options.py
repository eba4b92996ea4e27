"""Passes secrets to Postgres programs that have no environment variable for these secrets.

Other users can see the arguments of a process. Therefore the secrets are written into a libpq
service file that only this user can read. The file is deleted when the program ends. The password
does not need the file, because it is passed in PGPASSWORD.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SECRET = ("sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key")
SERVICE = "ledger"
MAX_LENGTH = 900  # bytes: libpq reads lines of at most 1,023 bytes, and older versions read less
TAKEN = (
    "{option} cannot be passed to Postgres's programs together with a libpq service, because only"
    " one service is possible. Write {option} in the file of that service."
)
UNFIT = "{option} cannot be written in a file for Postgres's programs: {why}."


class SecretRefused(Exception):
    """An error for a secret that cannot be passed to the program. The message contains the
    reason.
    """


@contextmanager
def in_file(options: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Writes the secrets in these options to a file that exists during the block. Yields the
    environment variables with which a program finds the file, or an empty dict if there are no
    secrets.

    Raises SecretRefused.
    """
    secrets = {name: str(options[name]) for name in SECRET if options.get(name)}
    if not secrets:
        yield {}
        return
    _check(secrets, options)
    # Only this user can read the folder.
    with tempfile.TemporaryDirectory(prefix="ledger") as folder:
        file = Path(folder) / "service"
        lines = [f"[{SERVICE}]", *(f"{name}={value}" for name, value in secrets.items()), ""]
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write("\n".join(lines))
        yield {"PGSERVICEFILE": str(file), "PGSERVICE": SERVICE}


def _check(secrets: dict[str, str], options: Mapping[str, Any]) -> None:
    for option, value in secrets.items():
        if options.get("service") or os.environ.get("PGSERVICE"):
            raise SecretRefused(TAKEN.format(option=option))
        if value.splitlines() != [value] or value != value.strip():
            why = "it has a line break, or a space at an end"
            raise SecretRefused(UNFIT.format(option=option, why=why))
        if len(value.encode()) > MAX_LENGTH:
            raise SecretRefused(UNFIT.format(option=option, why="it is too long"))
