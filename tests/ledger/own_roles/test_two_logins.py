"""docs/rights.md: commands with the login of the owner, web processes with that of the web role."""

import json
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from ledger.env import BASE_DIR
from tests.console import blocks_of, read
from tests.ledger.own_roles.conftest import OWNER, WEB, ManagedServer
from tests.ledger.processes import LONG, environment, free_port, wait_until

STEPS = {block.where: block.steps for block in blocks_of("docs/rights.md")}
BY_THE_OWNER = {
    "prepare": ["prepare"],
    "serve": ["serve", "--port", "{port}"],
    "backup": ["backup", "{folder}/bank.backup"],
    "work": ["work", "--once"],
    "createsuperuser": ["createsuperuser", "--no-input", "--email", "r@x.example", "--name", "R"],
}
PASSWORD = {"DJANGO_SUPERUSER_PASSWORD": "lanterns-over-slow-rivers"}


@pytest.mark.parametrize("command", BY_THE_OWNER)
def test_a_command_with_the_login_of_the_web_role_says_one_sentence(
    command: str, managed: ManagedServer, tmp_path: Path
) -> None:
    words = [each.format(port=free_port(), folder=tmp_path) for each in BY_THE_OWNER[command]]

    refuses_the_login(managed.manage(WEB, *words, **PASSWORD))

    assert list(tmp_path.iterdir()) == []


def test_what_triggers_refuse_to_the_web_role_is_one_sentence_too(managed: ManagedServer) -> None:
    managed.run(OWNER, "prepare", "--no-static")
    managed.run(OWNER, *BY_THE_OWNER["createsuperuser"], **PASSWORD)

    refuses_the_login(managed.manage(WEB, "create_token", "r@x.example", "--scope", "read"))


def refuses_the_login(done: subprocess.CompletedProcess[str]) -> None:
    told = [line for line in done.stderr.splitlines() if "is not recorded" not in line]
    assert done.returncode == 1
    assert len(told) == 1, done.stderr
    assert f"The login {WEB} may not do this" in told[0]
    assert "docs/rights.md" in told[0]


def test_the_site_runs_with_the_login_of_the_web_role(managed: ManagedServer) -> None:
    ((prepare,), (gunicorn,)) = STEPS["owner"], STEPS["web"]
    managed.run(OWNER, *prepare.words()[1][1:])
    program, *arguments = gunicorn.words()[1]
    port = free_port()
    own = {
        "DATABASE_URL": managed.url(WEB), "LEDGER_ROLE_PREFIX": "bank", "PORT": str(port),
        "LEDGER_URL": f"http://localhost:{port}", "DJANGO_SETTINGS_MODULE": "ledger.settings",
    }  # fmt: skip
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name(program)), *arguments],
        cwd=BASE_DIR,
        env=environment(managed.folder, **own),
        stdin=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: process.poll() is not None or listens(port))
        with urlopen(f"http://localhost:{port}/readyz", timeout=LONG) as answer:
            assert json.load(answer)["status"] == "ready"
        sessions = "SELECT DISTINCT usename FROM pg_stat_activity WHERE usename <> current_user"
        assert set(managed.values(OWNER, sessions)) <= {WEB, "postgres"}
    finally:
        process.terminate()
        process.wait(LONG)


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_the_first_day_has_the_same_command() -> None:
    (gunicorn,) = STEPS["web"]
    assert gunicorn.command in read("docs/first-day.md")
    assert "postgresql://ledger_web:" in read("docs/first-day.md")
