"""The units of deploy/server, and what docs/deploy-server.md says of them."""

import re

import yaml

from ledger.env import BASE_DIR
from ledger.provider_settings import COGNITO, DETAILS, OIDC
from tests.console import read

# | `ledger-web`: what it does | `ledger_web`, and more |
ROW = re.compile(r"^\| `(ledger-[a-z@]+)`: .* \| `(\w+)`[^|]*\|$", re.MULTILINE)
UNSET = re.compile(r"^UnsetEnvironment=(.+)$", re.MULTILINE)
USER = re.compile(r"^User=(\w+)$", re.MULTILINE)


def test_the_table_has_every_service_and_as_whom_it_runs() -> None:
    units = {
        unit.stem: USER.findall(unit.read_text())
        for unit in (BASE_DIR / "deploy/server").glob("ledger-*.service")
    }
    told = ROW.findall(read("docs/deploy-server.md"))
    assert len(told) == len(units) > 5
    assert {name: [user] for name, user in told} == units


def test_the_worker_gets_no_secret_that_web_processes_alone_need() -> None:
    """And nothing of the identity provider, which is refused without its secret."""
    secrets = {
        "CACHE_URL", "LEDGER_METRICS_TOKEN", "LEDGER_EXPLORER_PASSWORD",
        "OIDC_CLIENT_SECRET", "COGNITO_CLIENT_SECRET",
    }  # fmt: skip
    of_web = secrets | {"OIDC", *OIDC, *COGNITO, *DETAILS}
    compose = yaml.safe_load((BASE_DIR / "compose.yaml").read_text())["services"]
    assert secrets <= compose["web"]["environment"].keys()
    assert of_web.isdisjoint(compose["work"]["environment"])
    unit = (BASE_DIR / "deploy/server/ledger-work.service").read_text()
    assert of_web == set(" ".join(UNSET.findall(unit)).split())
