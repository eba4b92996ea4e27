"""Tests that the variables of tasks are settings of Ledger, and that Ledger starts with them."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ledger_aws.database import EXPLORER as DATABASE_ROLE
from ledger_aws.nginx import files as files_of_nginx

from tests.flavours import FLAVOURS, ROOT, Templates, templates

KNOWN = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
PYTHON = ROOT / ".venv/bin/python"
# Credentials with which tokens can be made without calling AWS.
NOBODY = {
    "AWS_ACCESS_KEY_ID": "of-nobody", "AWS_SECRET_ACCESS_KEY": "of-nobody",
    "DJANGO_SETTINGS_MODULE": "ledger.settings",
}  # fmt: skip
# Test values for the secrets that ECS reads from Secrets Manager.
SECRETS = {
    "SECRET_KEY": "kC4xZ1vB8nM3qW6eR9tY2uI5oP7aS0dFgHjKlQwErTyUiOpAsDfGhJkLzXcVbNm1",
    "CACHE_URL": "rediss://:lanterns@cache.example:6379/0",
    "EMAIL_URL": "smtp+tls://user:lanterns@mail.example:587",
    "LEDGER_METRICS_TOKEN": "0123456789abcdef" * 2,
    "OIDC_CLIENT_SECRET": "lanterns-over-slow-rivers",
}
COMMANDS = {
    "roles": "create_roles", "migrate": "migrate", "audit": "audit_ledger", "seal": "seal_ledger",
    "statements": "issue_statements",
    "holds": "expire_holds", "orders": "pay_standing_orders", "rules": "apply_rules",
    "alerts": "send_alerts",
    "erase": "erase_people",
    "retain": "apply_retention",
    "work": "work", "proof": "audit_ledger",
}  # fmt: skip
PRINT = """
import json
from ledger import settings
database = {k: v for k, v in settings.DATABASES["default"].items() if not callable(v)}
print(json.dumps({"database": database, "aliases": sorted(settings.DATABASES),
    "hosts": settings.ALLOWED_HOSTS, "secure": settings.SESSION_COOKIE_SECURE,
    "proxies": settings.ALLAUTH_TRUSTED_PROXY_COUNT, "role": settings.LEDGER_ROLE}))
"""

# Runs the code with which the explorer signs in, with a fake connection. Prints the parameters of
# the connection and of the token for AWS.
EXPLORER = """
import json
from urllib.parse import parse_qs, urlsplit
from django import setup; setup()
from explorer.running import session
from ledger.db.server import credentials
from ledger.db.backend.limited import LimitedConnection
seen = []
credentials.addresses_of = lambda host: [host]
LimitedConnection.connect = lambda **parameters: seen.append(parameters)
session._connect()
(found,) = seen
token = urlsplit("//" + found["password"])
print(json.dumps({name: str(found.get(name)) for name in ("host", "user", "sslmode", "options")}
    | {"token_of": parse_qs(token.query)["DBUser"], "token_for": token.hostname}))
"""


def _resolved(value: Any, files: Path) -> str:
    """Returns a value as CloudFormation would resolve it, with made-up hosts and local files."""
    if isinstance(value, dict):
        ((function, given),) = value.items()
        if function == "Fn::Join":
            value = given[0].join(_resolved(each, files) for each in given[1])
        elif "Secret" in str(given):
            value = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:LedgerAdmin-AbCdEf"
        else:
            value = "something.abcdef.eu-west-1.rds.amazonaws.com"
    assert isinstance(value, str)
    return re.sub(r"/etc/ssl/[\w./-]+", str(files / "authorities.pem"), value)


def _environment(container: dict[str, Any], files: Path) -> dict[str, str]:
    found = {each["Name"]: _resolved(each["Value"], files) for each in container["Environment"]}
    secrets = {each["Name"]: SECRETS[each["Name"]] for each in container["Secrets"]}
    assert not found.keys() & secrets.keys()
    return found | secrets


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "authorities.pem").write_text("")
    return tmp_path


def _start(settings: dict[str, str], files: Path) -> dict[str, Any]:
    """Returns values of Ledger's settings module after a start with these variables."""
    return _run(PRINT, settings, files)


def _run(code: str, settings: dict[str, str], files: Path) -> dict[str, Any]:
    """Runs code in Ledger's environment, and returns the JSON that the code prints."""
    import json

    own = {"PATH": os.environ["PATH"], "HOME": str(files), "LEDGER_DATA_DIR": str(files)}
    unset = dict.fromkeys(KNOWN, "")
    done = subprocess.run(
        [PYTHON, "-c", code], cwd=ROOT, env=unset | own | settings,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("flavour", ["small", "aurora", "large without a proxy"])
def test_the_explorer_signs_in_where_the_web_does_with_another_token(
    flavour: str, files: Path
) -> None:
    """Checks the sign-in of the explorer, also through RDS Proxy. It uses no password. Through the
    proxy, it sends no start options: the proxy refuses some of them, and others pin a connection.
    """
    bank = templates(flavour)
    settings = _environment(bank.container("web"), files)
    assert not {name for name in settings if name.startswith("LEDGER_EXPLORER")}
    found = _run(EXPLORER, settings | NOBODY, files)
    assert found == {
        "host": settings["DB_HOST"], "token_for": settings["DB_HOST"].lower(),
        "user": DATABASE_ROLE, "token_of": [DATABASE_ROLE],
        "sslmode": "verify-full", "options": found["options"],
    }  # fmt: skip
    if bank.config.proxy:
        assert found["options"] in ("None", "")


TASKS = ["web", "console", *COMMANDS]


@pytest.mark.parametrize("task", TASKS)
def test_each_name_is_a_setting_of_ours(bank: Templates, task: str) -> None:
    container = bank.container(task)
    names = [each["Name"] for each in container["Environment"] + container["Secrets"]]
    assert len(names) == len(set(names))
    assert set(names) <= KNOWN


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(
    "flavour",
    ["small", "large", "attachments in S3", "aurora", "aurora without a proxy", "with a provider"],
)
def test_ledger_starts_with_them(flavour: str, task: str, files: Path) -> None:
    found = _start(_environment(templates(flavour).container(task), files), files)

    assert found["secure"] is True
    assert found["proxies"] == 1
    assert "bank.example.com" in found["hosts"]
    database = found["database"]
    assert database["OPTIONS"]["sslmode"] == "verify-full"
    assert database["PASSWORD"] == ""
    assert database["LEDGER_CREDENTIALS"]["region"] == "eu-west-1"
    assert ("secret" in database["LEDGER_CREDENTIALS"]) == (task == "roles")
    assert found["role"] == ("web" if task == "web" else "owner")


def test_a_connection_lives_longer_in_a_task_than_in_the_load_balancer(bank: Templates) -> None:
    """Checks the timeouts, because a task that closes connections first makes some requests fail
    with 502.
    """
    (kept,) = re.findall(r"keepalive_timeout (\d+)s;", files_of_nginx()["NGINX_CONF"])
    balancer = bank.one("AWS::ElasticLoadBalancingV2::LoadBalancer")
    attributes = {each["Key"]: each["Value"] for each in balancer["LoadBalancerAttributes"]}
    assert attributes["idle_timeout.timeout_seconds"] == "60"
    assert int(kept) == 65


def test_how_the_web_reaches_its_database(files: Path) -> None:
    engines, replicas, poolers = {}, {}, {}
    for flavour in FLAVOURS:
        found = _start(_environment(templates(flavour).container("web"), files), files)
        engines[flavour] = found["database"]["ENGINE"]
        replicas[flavour] = [alias for alias in found["aliases"] if alias != "default"]
        poolers[flavour] = found["database"].get("LEDGER_POOLER", "")
    assert [name for name, engine in engines.items() if engine == "ledger.db.aws"] == [
        "aurora without a proxy"
    ]
    assert [name for name, found in replicas.items() if found] == ["large", "large without a proxy"]
    assert [name for name, pooler in poolers.items() if not pooler] == [
        "large without a proxy", "aurora without a proxy"
    ]  # fmt: skip


def test_the_commands_are_commands_of_ledger() -> None:
    bank = templates("small")
    for task, command in COMMANDS.items():
        container = bank.container(task)
        assert container["EntryPoint"] == ["python", "manage.py"]
        assert container["Command"][0] == command
        files = list(ROOT.glob(f"*/**/management/commands/{command}.py"))
        assert files, command


def test_the_tag_of_the_image_is_in_every_task(bank: Templates) -> None:
    for task in TASKS:
        image = bank.container(task)["Image"]
        assert str(image).find(f":{bank.config.image_tag}") > 0
