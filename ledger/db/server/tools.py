"""Runs Postgres programs, such as pg_dump, on the database in the settings."""

import os
import re
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.db import connection
from psycopg.conninfo import make_conninfo

from ledger.db.server import secret_options
from ledger.db.server.embedded import MAJOR, EmbeddedServerError, programs
from ledger.db.server.secret_options import SECRET, SecretRefused

ENCRYPTED = ("require", "verify-ca", "verify-full")
VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


class NoProgram(Exception):
    """An error for a Postgres program that is missing or too old. The message contains the package
    to install.
    """


class ProgramFailed(Exception):
    """An error for a Postgres program that failed. The message is the first error that the program
    printed.
    """


def run(program: str, *arguments: str) -> None:
    """Runs a Postgres program on the database in the settings.

    Raises NoProgram or ProgramFailed.
    """
    parameters = _parameters()
    password = str(parameters.pop("password", ""))
    hidden = {"PGPASSWORD": password} if password else {}
    try:
        with secret_options.in_file(parameters) as secrets:
            shown = {name: parameters[name] for name in parameters if name not in SECRET}
            done = subprocess.run(
                [find(program), *arguments, f"--dbname={make_conninfo('', **shown)}"],
                env={**os.environ, **hidden, **secrets},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
    except SecretRefused as refusal:
        raise ProgramFailed(str(refusal)) from None
    if done.returncode:
        raise ProgramFailed(_first_error(done.stderr))


def contents(file: Path) -> str:
    """Returns the output of `pg_restore --list` for the dump `file`.

    Raises NoProgram or ProgramFailed.
    """
    command = [str(find("pg_restore")), "--list", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ProgramFailed(_first_error(done.stderr))
    return done.stdout


def find(program: str) -> Path:
    """Returns the path of the oldest version of a Postgres program that is not older than the
    server. An older program refuses to work, and a newer pg_restore sends settings that the server
    does not support.

    Searches the operating system and the embedded server. If TLS is required, skips the embedded
    server's programs, which do not support TLS. Raises NoProgram.
    """
    major = server_major()
    found: dict[int, Path] = {}
    needs_tls = str(connection.settings_dict["OPTIONS"].get("sslmode")) in ENCRYPTED
    if not needs_tls:
        with suppress(EmbeddedServerError):
            found[MAJOR] = programs() / program
    if not connection.settings_dict.get("LEDGER_EMBEDDED") and (path := shutil.which(program)):
        found[_major_of(Path(path))] = Path(path)
    fitting = [each for each in sorted(found) if each >= major and found[each].exists()]
    if not fitting:
        raise NoProgram(
            f"{program} {major} or newer is needed: install the client programs of Postgres"
            f" {major}, such as the package postgresql-client-{major}."
        )
    return found[fitting[0]]


def server_major() -> int:
    """Returns the major version of the server, such as 18."""
    connection.ensure_connection()
    return int(connection.connection.info.server_version // 10000)


def _major_of(program: Path) -> int:
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    found = VERSION.search(done.stdout)
    return int(found[1]) if found else 0


def _parameters() -> dict[str, Any]:
    """Returns the libpq connection parameters from the database settings."""
    database: Any = connection
    parameters: dict[str, Any] = database.get_connection_params()
    parameters |= {name.lower(): value for name, value in database.login_for_programs().items()}
    for name in ("cursor_factory", "context", "prepare_threshold", "client_encoding", "autocommit"):
        parameters.pop(name, None)
    return parameters


def _first_error(printed: str) -> str:
    lines = printed.strip().splitlines()
    errors = [line for line in lines if "error:" in line] or lines or ["it printed no message"]
    return errors[0].partition("error: ")[2] or errors[0]
