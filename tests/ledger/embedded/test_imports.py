"""What runs on a server of your own imports nothing of the embedded server."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from ledger.env import BASE_DIR
from tests.ledger.own_bank import OwnBank, own_bank
from tests.ledger.processes import LONG, environment

IMPORTED = 'print(*[name for name in sys.modules if name.startswith("ledger.embedded")])'
COMMAND = f"""
import runpy, sys
sys.argv[0] = "manage.py"
try:
    runpy.run_path("manage.py", run_name="__main__")
except SystemExit as ended:
    assert not ended.code, ended.code
{IMPORTED}
"""
WEB = f"""
import sys
from wsgiref.util import setup_testing_defaults
from ledger.wsgi import application
request = {{"PATH_INFO": "/readyz"}}
setup_testing_defaults(request)
request["HTTP_HOST"] = "localhost"
answer = application(request, lambda status, headers: print(status))
answer.close()
{IMPORTED}
"""


@pytest.fixture(scope="module")
def bank() -> Iterator[OwnBank]:
    with own_bank() as found:
        yield found


def last_lines(bank: OwnBank, code: str, *arguments: str, role: str) -> list[str]:
    host = quote(bank.database.ensure_started().host, safe="")
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment(
            bank.data_dir, DATABASE_URL=f"postgresql://{role}@{host}/ledger",
            LEDGER_URL="http://localhost:8000", DJANGO_SETTINGS_MODULE="ledger.settings",
        ),
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-2:]


@pytest.mark.parametrize(
    "command", ["migrate", "prepare", "check", "check --database default", "work --once"]
)
def test_a_command_on_a_server_of_your_own_imports_nothing_of_the_embedded_one(
    command: str, bank: OwnBank
) -> None:
    assert last_lines(bank, COMMAND, *command.split(), role="ledger")[-1] == ""


def test_a_backup_of_a_server_of_your_own_is_proved_without_importing_the_embedded_one(
    bank: OwnBank, tmp_path: Path
) -> None:
    proved, imported = last_lines(
        bank, COMMAND, "backup", "--prove", str(tmp_path / "copy"), role="ledger"
    )
    assert "every seal holds" in proved
    assert imported == ""


def test_a_web_process_on_a_server_of_your_own_imports_nothing_of_the_embedded_one(
    bank: OwnBank,
) -> None:
    assert last_lines(bank, WEB, role="ledger_web") == ["200 OK", ""]
