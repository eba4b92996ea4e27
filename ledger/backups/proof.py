"""Proves that a backup can be restored: restores the backup on a separate embedded server. If the
embedded server is not installed, uses a second database on the bank's server. The separate server
or the second database is deleted afterwards.
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
from ledger.db.retry import sqlstate
from ledger.db.server.creation import create_database
from ledger.db.server.embedded import EmbeddedServerError, programs
from ledger.env import BASE_DIR
from ledger.settings.databases import source_name

MAX_NAME_LENGTH = 63  # bytes; the limit of Postgres for names
# Settings of the current server. They are removed for the proof, because the embedded server
# refuses them.
SERVER_SETTINGS = (
    "DATABASE_URL", "DATABASE_REPLICA_URLS", "DATABASE_REPLICA_URL", "DATABASE_READ_ROUTER",
    "DB_NAME", "DB_POOLER",
    "DB_DRIVER", "DB_AWS_PLUGINS", "DB_AWS_OPTIONS", "DB_IAM_REGION", "DB_SECRET_ID",
    "DB_SECRET_REGION",
)  # fmt: skip
WHY = {
    "42501": "the role {role} may not create a database, which the proof needs; grant the right"
    ' with ALTER ROLE "{role}" CREATEDB',
    "42P04": "the database {name} exists: another proof is running, or one was killed; then drop"
    " the database",
}


class NotProved(Exception):
    """An error that is raised if a backup could not be proved. The message contains the error of
    the restore, or the reason why the proof cannot run.
    """


@dataclass(frozen=True)
class ProofPlace:
    """An empty server or database in which one backup is restored as a proof. `settings` are the
    environment variables that make manage.py use this server or database.
    """

    settings: Mapping[str, str]

    def prove(self, file: Path) -> str:
        """Restores the backup `file` with `manage.py restore` and returns the output. Needs disk
        space for the whole bank.

        Raises NotProved.
        """
        done = subprocess.run(
            [sys.executable, BASE_DIR / "manage.py", "restore", str(file.resolve())],
            env={**os.environ, **self.settings},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise NotProved(f"{file} was kept, but is not proved: {done.stderr.strip()}")
        return done.stdout.strip()


@contextmanager
def place_of_proof() -> Iterator[ProofPlace]:
    """Yields an empty server or database for a proof, and deletes it after the block.

    Raises NotProved, and creates nothing, if neither can be created.
    """
    try:
        programs()
    except EmbeddedServerError:
        with _second_database() as settings:
            yield ProofPlace(settings)
    else:
        with _own_server() as settings:
            yield ProofPlace(settings)


@contextmanager
def _own_server() -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory(prefix="ledger-proof-") as found:
        folder = Path(found)
        folder.chmod(0o711)  # if this process is root, Postgres runs as another user
        try:
            yield {**dict.fromkeys(SERVER_SETTINGS, ""), "LEDGER_DATA_DIR": str(folder / "data")}
        finally:
            _delete_server(folder / "data")


def _delete_server(data_dir: Path) -> None:
    """Stops the embedded server of the folder `data_dir` and deletes its files. Runs this work in
    another process, because production does not import `ledger.embedded`.

    Raises EmbeddedServerError.
    """
    # The site may run in the meantime. Its lock is for its own server.
    lock = data_dir.with_name("lock")
    lock.touch()
    done = subprocess.run(
        [sys.executable, "-m", "ledger.embedded.removal", data_dir, lock],
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise EmbeddedServerError(done.stderr.strip())


@contextmanager
def _second_database() -> Iterator[dict[str, str]]:
    """Creates a second database, yields the environment variables with which manage.py uses it, and
    deletes it after the block. The database always has the same name. So if a killed proof has left
    the database behind, the next proof notices this.
    """
    current = connection.settings_dict["NAME"]
    name = f"{current[: MAX_NAME_LENGTH - len('_proof')]}_proof"
    try:
        create_database(connection, name)
        quoted = connection.ops.quote_name(name)
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"REVOKE ALL ON DATABASE {quoted} FROM PUBLIC")
    except DatabaseError as error:
        raise NotProved(_why_not(name, error)) from error
    try:
        yield _settings_for(name)
    finally:
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE {quoted} WITH (FORCE)")


def _why_not(name: str, error: DatabaseError) -> str:
    why = WHY.get(sqlstate(error) or "", str(error).strip().partition("\n")[0])
    role = connection.settings_dict["USER"] or "of this login"
    reason = why.format(role=role, name=name)
    return f"Nothing was written, because a backup cannot be proved here: {reason}."


def _settings_for(name: str) -> dict[str, str]:
    """Returns environment variables with the database settings of this process, but for the
    database `name` on the same server.
    """
    if url := env.text("DATABASE_URL"):
        return {"DATABASE_URL": urlsplit(url)._replace(path=f"/{quote(name)}").geturl()}
    return {source_name() or "DB_NAME": name}
