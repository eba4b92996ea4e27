"""The units of deploy/server, and what docs/deploy-server.md says of them."""

import re

from ledger.env import BASE_DIR
from tests.console import read

# | `ledger-web`: what it does | `ledger_web`, and more | this repository |
ROW = re.compile(r"^\| `(ledger-[a-z@]+)`: .* \| `(\w+)`[^|]*\| this repository \|$", re.MULTILINE)
USER = re.compile(r"^User=(\w+)$", re.MULTILINE)


def test_the_table_has_every_service_and_as_whom_it_runs() -> None:
    units = {
        unit.stem: USER.findall(unit.read_text())
        for unit in (BASE_DIR / "deploy/server").glob("ledger-*.service")
    }
    told = ROW.findall(read("docs/deploy-server.md"))
    assert len(told) == len(units) > 5
    assert {name: [user] for name, user in told} == units
