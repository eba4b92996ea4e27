"""Proves a backup by restoring it elsewhere: into an embedded server of its own or, where none is
installed, into a second database of the same server. Either is deleted again.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from django.db import DatabaseError, connection

from ledger import env
from ledger.database_settings import source_name
from ledger.db.retry import sqlstate
from ledger.db.server.creation import create_database
from ledger.db.server.embedded import EmbeddedServerError, programs
from ledger.env import BASE_DIR

LONGEST_NAME = 63  # bytes, of Postgres
# Settings that speak of this server, and that the embedded one of a proof refuses.
OF_THIS_SERVER = (
    "DATABASE_URL", "DATABASE_REPLICA_URLS", "DATABASE_REPLICA_URL", "DATABASE_READ_ROUTER",
    "DB_NAME", "DB_POOLER",
    "DB_DRIVER", "DB_AWS_PLUGINS", "DB_AWS_OPTIONS", "DB_IAM_REGION", "DB_SECRET_ID",
    "DB_SECRET_REGION",
)  # fmt: skip
WHY = {
    "42501": "the role {role} may not make a database, which the proof needs; give it the right by"
    ' ALTER ROLE "{role}" CREATEDB',
    "42P04": "the database {name} is there: another proof runs, or one was killed; then drop it",
}


class NotProved(Exception):
    """The message says what differs, or why there is no place for the proof."""


@dataclass(frozen=True)
class ProofPlace:
    """Where a backup can be restored once; `settings` lead manage.py there."""

    settings: Mapping[str, str]

    def prove(self, file: Path) -> str:
        """What `manage.py restore` says of it. Raises NotProved. Needs room for the whole bank."""
        done = subprocess.run(
            [sys.executable, BASE_DIR / "manage.py", "restore", str(file.resolve())],
            env={**os.environ, **self.settings},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise NotProved(f"{file} is kept, but is not proved: {done.stderr.strip()}")
        return done.stdout.strip()


@contextmanager
def place_of_proof() -> Iterator[ProofPlace]:
    """An empty one, which is deleted after the block. Raises NotProved, and has made nothing."""
    try:
        programs()
    except EmbeddedServerError:
        with _second_database() as leading:
            yield ProofPlace(leading)
    else:
        with _own_server() as leading:
            yield ProofPlace(leading)


@contextmanager
def _own_server() -> Iterator[dict[str, str]]:
    from ledger.embedded.removal import delete_everything

    with tempfile.TemporaryDirectory(prefix="ledger-proof-") as found:
        folder = Path(found)
        folder.chmod(0o711)  # as root, Postgres runs as another user
        try:
            yield {**dict.fromkeys(OF_THIS_SERVER, ""), "LEDGER_DATA_DIR": str(folder / "data")}
        finally:
            delete_everything(folder / "data")


@contextmanager
def _second_database() -> Iterator[dict[str, str]]:
    """A database of a fixed name, so that one that a killed proof has left is noticed."""
    given = connection.settings_dict["NAME"]
    name = f"{given[: LONGEST_NAME - len('_proof')]}_proof"
    try:
        create_database(connection, name)
        quoted = connection.ops.quote_name(name)
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"REVOKE ALL ON DATABASE {quoted} FROM PUBLIC")
    except DatabaseError as error:
        raise NotProved(_why_not(name, error)) from error
    try:
        yield _leading_to(name)
    finally:
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE {quoted} WITH (FORCE)")


def _why_not(name: str, error: DatabaseError) -> str:
    why = WHY.get(sqlstate(error) or "", str(error).strip().partition("\n")[0])
    role = connection.settings_dict["USER"] or "of this login"
    reason = why.format(role=role, name=name)
    return f"Nothing was written, because a backup cannot be proved here: {reason}."


def _leading_to(name: str) -> dict[str, str]:
    """The settings of this process, with another database of the same server."""
    if url := env.text("DATABASE_URL"):
        return {"DATABASE_URL": urlsplit(url)._replace(path=f"/{quote(name)}").geturl()}
    return {source_name() or "DB_NAME": name}
