"""Secrets of a connection that Postgres's own programs take in no variable of the environment.

Others see the arguments of a process. The password itself goes in PGPASSWORD, which only the same
user sees; for these there is no such variable, so they go in a service file of libpq's, which only
this user can read and which is deleted when the program ends.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SECRET = ("sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key")
SERVICE = "ledger"
LONGEST = 900  # bytes: libpq reads lines of 1,023, older ones less
TAKEN = (
    "{option} cannot go to Postgres's programs beside a service of libpq's, because there is room"
    " for one: write {option} in the file of that service."
)
UNFIT = "{option} cannot be written in a file for Postgres's programs: {why}."


class SecretRefused(Exception):
    """A secret would be seen, or could not be handed on; the message is one sentence."""


@contextmanager
def in_file(options: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Within the block, the environment by which a program finds the secrets of these options;
    empty without any. Raises SecretRefused.
    """
    secrets = {name: str(options[name]) for name in SECRET if options.get(name)}
    if not secrets:
        yield {}
        return
    _check(secrets, options)
    with tempfile.TemporaryDirectory(prefix="ledger") as folder:  # of this user alone
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
        if len(value.encode()) > LONGEST:
            raise SecretRefused(UNFIT.format(option=option, why="it is too long"))
