"""Postgres's own programs are taken in the version of the server."""

import subprocess

import pytest
from django.conf import settings

from ledger.db import tools


@pytest.mark.django_db
@pytest.mark.parametrize("program", ["pg_dump", "pg_restore"])
def test_a_program_is_as_old_as_its_server(program: str) -> None:
    found = tools.find(program)
    printed = subprocess.run([found, "--version"], capture_output=True, text=True, check=True)
    assert f"(PostgreSQL) {settings.LEDGER_PG}." in printed.stdout


@pytest.mark.django_db
def test_a_program_that_is_nowhere_is_named() -> None:
    with pytest.raises(tools.NoProgram, match="pg_nothing"):
        tools.find("pg_nothing")
