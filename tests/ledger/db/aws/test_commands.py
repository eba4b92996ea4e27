"""Commands sign in by a secret too, and so do the programs of Postgres that they start."""

import os
from collections.abc import Callable, Iterator

import pytest

from ledger.db.server.embedded import programs
from ledger.embedded.roles import OWNER
from tests.ledger.db.aws.guarded import (
    REGION,
    SECRET_ID,
    GuardedServer,
    SecretsManager,
    secrets_manager,
)
from tests.ledger.own_bank import OwnBank, own_bank
from tests.ledger.processes import manage


@pytest.fixture(scope="module")
def bank() -> Iterator[OwnBank]:
    with own_bank() as found:
        yield found


@pytest.fixture(scope="module")
def server(bank: OwnBank) -> GuardedServer:
    """The bank's server, which now asks its owner for a password."""
    found = GuardedServer(bank.data_dir)
    found.guard()
    return found


@pytest.fixture
def command(bank: OwnBank, server: GuardedServer) -> Iterator[Callable[..., str]]:
    """Runs `manage.py` with a secret that changes before each command."""
    with secrets_manager() as secrets:
        yield lambda *arguments: run(bank, server, secrets, *arguments)


def run(bank: OwnBank, server: GuardedServer, secrets: SecretsManager, *arguments: str) -> str:
    password = f"password-{secrets.asked}"
    server.set_password(password, user=OWNER)
    secrets.login = {"username": OWNER, "password": password}
    *rest, database = arguments if arguments[-1] in ("ledger", "copy") else (*arguments, "ledger")
    done = manage(
        bank.data_dir,
        *rest,
        **secrets.environment,
        DATABASE_URL=f"postgresql://{server.host}:{server.port}/{database}",
        DB_SECRET_ID=SECRET_ID,
        DB_SECRET_REGION=REGION,
        PATH=f"{programs()}:{os.environ['PATH']}",
    )
    assert done.returncode == 0, done.stderr
    assert secrets.asked
    assert password not in done.stdout + done.stderr
    return done.stdout


def test_a_command_signs_in_by_the_secret(command: Callable[..., str]) -> None:
    assert "clean" in command("audit_ledger")


def test_the_shell_of_the_database_signs_in_by_the_secret(command: Callable[..., str]) -> None:
    asked = ["-Atc", "SELECT current_user, inet_server_port() IS NOT NULL"]
    assert command("dbshell", "--", *asked) == f"{OWNER}|t\n"


def test_a_backup_is_proved_without_the_secret(bank: OwnBank, command: Callable[..., str]) -> None:
    """The embedded server of the proof needs no login, and would refuse these settings."""
    file = bank.data_dir / "proved"
    assert str(file) in command("backup", "--prove", str(file))


def test_a_backup_and_its_restore_sign_in_by_the_secret(
    bank: OwnBank, server: GuardedServer, command: Callable[..., str]
) -> None:
    file = bank.data_dir / "backup"
    command("backup", str(file))
    server.run(f"CREATE DATABASE copy OWNER {OWNER}")
    command("restore", str(file), "copy")

    assert "clean" in command("audit_ledger", "copy")
