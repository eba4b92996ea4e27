"""Every command of docs/api.md runs, as it stands there, before a real server."""

import json
import os
import re
import subprocess
from collections.abc import Iterator

import pytest

from ledger.env import BASE_DIR
from tests.ledger.own_site import Site, accounts_of, own_site
from tests.ledger.processes import LONG

PAGE = (BASE_DIR / "docs" / "api.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in re.sub(r"\\\n\s*", "", block).splitlines()]
PAYS = [each for each in COMMANDS if "-d " in each]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with own_site() as found:
        yield found


@pytest.fixture(scope="module")
def variables(site: Site) -> dict[str, str]:
    """What the page says that its reader sets, and the account and the number that they have."""
    email = site.bank.manage("shell", "-v", "0", "-c", "print(User.objects.get().email)").strip()
    (account, _), (_, number), *_ = accounts_of(site.bank)
    token = site.bank.manage("create_token", email, "--scope", "read", "--scope", "pay").strip()
    return {
        "BANK": f"http://127.0.0.1:{site.port}", "TOKEN": token, "ACCOUNT": account,
        "NUMBER": number,
    }  # fmt: skip


def run(command: str, variables: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-c", command], env=os.environ | variables, capture_output=True, text=True,
        timeout=LONG, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_there_are_commands() -> None:
    assert len(COMMANDS) > 4
    assert [each for each in COMMANDS if not each.startswith("curl -sf ")] == []
    assert len(PAYS) == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_runs(site: Site, variables: dict[str, str], command: str) -> None:
    for pay in PAYS:  # so that there are entries, and it is made once
        run(pay, variables)
    found = run(command, variables)
    if "format=csv" in command:
        assert found.startswith("spent_on,")
        return
    if "format=sta" in command:
        assert found.startswith(":20:")
        return
    if "/events" in command:
        assert found.startswith("retry: ")
        return
    data = json.loads(found)
    assert data["amount"] == "12.50" if command in PAYS else data["results"]
    if "/entries/" in command:
        assert [row["amount"] for row in data["results"]] == ["12.50"]


def test_a_command_that_fails_is_seen(site: Site, variables: dict[str, str]) -> None:
    for wrong in ({"TOKEN": "x"}, {"BANK": "http://127.0.0.1:1"}):
        with pytest.raises(AssertionError):
            run(COMMANDS[0], variables | wrong)
