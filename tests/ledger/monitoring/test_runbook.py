"""Every command of the runbook runs, as it stands there, on a bank that is served."""

import os
import re
import subprocess
from collections.abc import Iterator

import pytest

from ledger.env import BASE_DIR
from tests.ledger.own_site import Site, own_site
from tests.ledger.processes import LONG, MANAGE, free_port
from tests.metrics import TOKEN

RUNBOOK = (BASE_DIR / "docs" / "runbook.md").read_text()
BLOCKS = re.findall(r"^```console\n(.*?)^```$", RUNBOOK, re.MULTILINE | re.DOTALL)
COMMANDS = list(dict.fromkeys(line for block in BLOCKS for line in block.splitlines()))


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with own_site(LEDGER_METRICS_TOKEN=TOKEN, LEDGER_PROBE_PORT=str(free_port())) as found:
        yield found


def run(site: Site, command: str) -> subprocess.CompletedProcess[str]:
    """As a person at the server would: `manage.py` is that of this bank, and so is the port."""
    program, manage = (part.replace(" ", "\\ ") for part in MANAGE)
    probes = site.bank.settings["LEDGER_PROBE_PORT"]
    here = command.replace("manage.py", f"{program} {manage}").replace(":8001/", f":{probes}/")
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", here],
        env=os.environ | site.bank.settings,
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )


def test_there_are_commands_and_each_is_one_of_ours() -> None:
    assert len(COMMANDS) > 12
    assert [each for each in COMMANDS if not each.startswith(("manage.py ", "curl -sf "))] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_runs(site: Site, command: str) -> None:
    done = run(site, command)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.strip() or "wait_for_db" in command, "it says something"


def test_a_command_that_fails_is_seen(site: Site) -> None:
    assert run(site, 'manage.py dbshell -- -c "SELECT nothing FROM nowhere"').returncode != 0
    assert run(site, "curl -sf http://localhost:8001/metrics | grep ledger").returncode != 0
