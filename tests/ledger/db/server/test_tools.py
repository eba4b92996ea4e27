"""Postgres's own programs: taken in the version of the server, connected as the settings say."""

import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from psycopg.conninfo import conninfo_to_dict

from ledger.db.server import tools
from ledger.db.server.embedded import MAJOR
from ledger.db.server.tools import ProgramFailed
from tests.pooler import directly, major_version


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("program", ["pg_dump", "pg_restore"])
def test_a_program_is_as_old_as_its_server(program: str) -> None:
    with directly():
        found = tools.find(program)
    printed = subprocess.run([found, "--version"], capture_output=True, text=True, check=True)
    assert f"(PostgreSQL) {major_version()}." in printed.stdout


@pytest.mark.django_db
def test_a_program_that_is_nowhere_is_named() -> None:
    with pytest.raises(tools.NoProgram, match="pg_nothing"):
        tools.find("pg_nothing")


RECORDS = """#!/bin/sh
[ "$1" = --version ] && echo "pg_dump (PostgreSQL) 19.1" && exit
printf '%s\\n' "$@" > "{folder}/arguments"
printf '%s' "$PGPASSWORD" > "{folder}/password"
[ -n "$PGSERVICEFILE" ] && /bin/cp -p "$PGSERVICEFILE" "{folder}/service"
printf '%s\\n' "$PGSERVICEFILE" "$PGSERVICE" > "{folder}/named"
"""


@pytest.fixture
def system_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pg_dump of the system that writes down how it was called; the folder of what it wrote."""
    program = tmp_path / "pg_dump"
    program.write_text(RECORDS.format(folder=tmp_path))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(tools, "server_major", lambda: MAJOR)
    return tmp_path


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Two servers on other computers, which speak TLS alone, as the settings name them."""
    options = {
        "sslmode": "verify-full", "sslrootcert": "/etc/ssl/db.pem", "connect_timeout": 3,
        "target_session_attrs": "read-write", "keepalives_idle": 5, "prepare_threshold": 5,
    }  # fmt: skip
    there = {
        "HOST": "a.example,b.example", "PORT": "5432,5433", "USER": "books", "NAME": "ledger",
        "PASSWORD": "it's secret", "OPTIONS": options, "LEDGER_EMBEDDED": False,
    }  # fmt: skip
    for name, value in there.items():
        monkeypatch.setitem(connection.settings_dict, name, value)
    return there


def test_a_program_connects_as_the_settings_say(
    system_program: Path, cluster: dict[str, Any]
) -> None:
    tools.run("pg_dump", "--format=custom")

    arguments = (system_program / "arguments").read_text().splitlines()
    target = conninfo_to_dict(arguments[-1].removeprefix("--dbname="))
    wanted = {name: str(value) for name, value in cluster["OPTIONS"].items()}
    wanted |= {"host": cluster["HOST"], "port": cluster["PORT"], "dbname": "ledger"}
    assert wanted.pop("prepare_threshold") == "5"  # psycopg's own
    assert wanted.items() <= {name: str(value) for name, value in target.items()}.items()
    assert "secret" not in "".join(arguments), "others see the arguments of a process"
    assert (system_program / "password").read_text() == cluster["PASSWORD"]


def call(program: str) -> None:
    """As `backup`, `restore` and `dbshell` do."""
    if program == "psql":
        call_command("dbshell")
    else:
        tools.run(program)


@pytest.mark.parametrize("program", ["pg_dump", "pg_restore", "psql"])
def test_the_password_of_a_key_is_in_no_argument(
    system_program: Path, cluster: dict[str, Any], program: str
) -> None:
    """There is no variable for it, so it goes in a file that is gone afterwards."""
    if program != "pg_dump":
        shutil.copy(system_program / "pg_dump", system_program / program)
    cluster["OPTIONS"] |= {"sslkey": "/etc/ssl/key.pem", "sslpassword": "it's hidden=here"}

    call(program)

    found = (system_program / "service").read_text().splitlines()
    name, service = (system_program / "named").read_text().split()
    assert found == [f"[{service}]", "sslpassword=it's hidden=here"]
    assert stat.S_IMODE((system_program / "service").stat().st_mode) == 0o600
    assert "hidden" not in (system_program / "arguments").read_text()
    assert not Path(name).parent.exists()


@pytest.mark.parametrize(
    "options",
    [
        {"sslpassword": "hidden", "service": "bank"},
        {"sslpassword": "hidden\nhost=elsewhere"},
        {"sslpassword": " hidden"},
        {"sslpassword": "hidden" * 200},
    ],
)
@pytest.mark.parametrize(("program", "error"), [("pg_dump", ProgramFailed), ("psql", CommandError)])
def test_a_password_of_a_key_that_no_file_can_hold_is_refused(
    program: str, error: type[Exception], options: dict[str, str],
    system_program: Path, cluster: dict[str, Any],
) -> None:  # fmt: skip
    cluster["OPTIONS"] |= options
    with pytest.raises(error, match="sslpassword") as refused:
        call(program)

    assert "hidden" not in str(refused.value)
    assert not (system_program / "arguments").exists()


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_the_programs_of_the_wheel_are_not_taken_for_tls(
    system_program: Path, cluster: dict[str, Any], mode: str
) -> None:
    cluster["OPTIONS"]["sslmode"] = mode
    assert tools.find("pg_dump") == system_program / "pg_dump"

    with pytest.raises(tools.NoProgram, match="initdb"):  # the wheel has it
        tools.find("initdb")
