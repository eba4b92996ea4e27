"""What docs/rds-by-hand.md does after the console: settings, commands and parameters."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.console import Block, blocks_of, missing_line, read
from tests.ledger.own_roles.conftest import ADMIN, NAME, OWNER, PARAMETERS, WEB, ManagedServer

PAGE = "docs/rds-by-hand.md"
ROLES = {"admin": ADMIN, "owner": OWNER}
BLOCKS = [block for block in blocks_of(PAGE) if block.where in ROLES]
PASSWORD = {"DJANGO_SUPERUSER_PASSWORD": "lanterns-over-slow-rivers"}
NEW_DATABASE = "datdba::regrole FROM pg_database WHERE datname = 'ledger_new'"
LOGINS = ["ledger_admin", "ledger", "ledger_web", "ledger_worker"]
URL = re.compile(r"\bDATABASE_URL='?(postgresql://([a-z_]+):[^\s']+)")
PARAMETER = re.compile(r"^\| `([a-z_.]+)` \| (\S+) \|", re.MULTILINE)


@pytest.mark.parametrize("block", BLOCKS, ids=[block.name for block in BLOCKS])
def test_each_command_does_what_the_page_says(block: Block, managed: ManagedServer) -> None:
    for step in block.steps:
        _settings, (program, *arguments) = step.words()
        assert program == "manage.py"
        if arguments[0] == "createsuperuser":
            arguments.append("--no-input")  # the test has no terminal to type the password
            arguments[arguments.index("--email") + 1] = "another@bank.example"
        if arguments[0] == "create_roles":
            arguments += ["--owner", OWNER]  # the name in these tests
        done = managed.manage(ROLES[block.where], *arguments, **PASSWORD)
        assert done.returncode == 0, done.stderr
        assert not missing_line(step, done.stdout), done.stdout


def test_the_page_has_such_commands() -> None:
    commands = [step.words()[1][1] for block in BLOCKS for step in block.steps]
    assert commands == [
        "create_roles", "wait_for_db", "prepare", "createsuperuser", "audit_ledger"
    ]  # fmt: skip


def test_commands_on_a_server_have_the_login_before_them(managed: ManagedServer) -> None:
    """The command `ledger` overrides `ledger.env` by these settings."""
    host = str(managed.server.ensure_started().host)
    logins = {"ledger_admin": ADMIN, "ledger_web": WEB}
    (block,) = [block for block in blocks_of(PAGE) if block.where == "server"]
    done = {}
    for step in block.steps:
        own, (program, *arguments) = step.words()
        assert program == "ledger"
        if arguments[0] == "create_roles":
            arguments += ["--owner", OWNER]
        own = {"DB_NAME": NAME, "DB_HOST": host, "DATABASE_URL": "", **own}
        own["DB_USER"] = logins[own["DB_USER"]]
        done[" ".join(arguments[:2]), own["DB_NAME"]] = managed.manage("", *arguments, **own)

    assert [process.returncode for process in list(done.values())[:2]] == [0, 0]
    assert managed.values(OWNER, f"SELECT {NEW_DATABASE}") == [OWNER]
    assert "explorer_" not in done["check --deploy", NAME].stderr  # off, without its password
    assert "web_role" not in done["check --deploy", NAME].stderr


@pytest.mark.parametrize("login", LOGINS)
def test_its_settings_check_the_certificate(
    login: str, tmp_path: Path, default: Callable[..., dict[str, Any]]
) -> None:
    bundle = tmp_path / "rds.pem"
    bundle.touch()
    urls = {user: url for url, user in URL.findall(read(PAGE))}
    found = default(DATABASE_URL=urls[login].replace("/etc/ssl/rds.pem", str(bundle)))

    assert [*urls] == LOGINS
    assert found["HOST"].endswith(".rds.amazonaws.com")
    assert found["OPTIONS"]["sslmode"] == "verify-full"
    assert found["OPTIONS"]["sslrootcert"] == str(bundle)


def test_its_parameters_are_those_of_the_templates() -> None:
    found = dict(PARAMETER.findall(read(PAGE)))

    assert found.items() <= PARAMETERS.items()
    assert {name for name in PARAMETERS if name.startswith(("log_", "rds"))} - set(found) == {
        "log_lock_waits", "log_autovacuum_min_duration"
    }  # fmt: skip
