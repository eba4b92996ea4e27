"""Both templates of each flavour are valid, and made without asking anybody."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ledger_aws.config import WrongContext, read

from tests.flavours import GIVEN, KEY, Templates

# W3010: zones are named, so that none has to be looked up. W3005: CDK names dependencies twice.
LEFT_OUT = ["W3010", "W3005"]
# A cluster from a snapshot has the snapshot's administrator, and a new password.
OF_A_SNAPSHOT = "E3021"

NO_METADATA = {"AWS_EC2_METADATA_DISABLED": "1"}


def test_cfn_lint_finds_nothing(bank: Templates) -> None:
    lint = Path(sys.executable).with_name("cfn-lint")
    files = [str(bank.folder / f"{name}.template.json") for name in ("Data", "Bank")]
    left_out = [*LEFT_OUT, *[OF_A_SNAPSHOT] * (bank.name == "aurora restored")]
    done = subprocess.run(
        [lint, "--ignore-checks", *left_out, "--regions", bank.config.region, "--", *files],
        capture_output=True, text=True, check=False, env=os.environ | NO_METADATA,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_nothing_was_looked_up(bank: Templates) -> None:
    manifest = json.loads((bank.folder / "manifest.json").read_text())
    assert "missing" not in manifest
    for template in (bank.data, bank.bank):
        parameters = template.get("Parameters", {})
        assert set(parameters) == {"BootstrapVersion"}


def test_the_app_runs_without_the_cli(tmp_path: Path) -> None:
    arguments = [word for name, value in GIVEN.items() for word in ("-c", f"{name}={value}")]
    done = subprocess.run(
        [sys.executable, "app.py", *arguments],
        cwd=Path(__file__).resolve().parents[1], env=os.environ | {"CDK_OUTDIR": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "Data.template.json").exists()


def test_names_fit_a_second_bank_beside_the_first(bank: Templates) -> None:
    """Every name of ours begins with that of the bank, so `-c name=restored` disturbs nothing."""
    names = ("Name", "ReplicationGroupId", "DBInstanceIdentifier", "DBClusterIdentifier",
             "DBProxyName", "TopicName", "AlarmName", "ClusterName", "Family", "AliasName",
             "LogGroupName")  # fmt: skip
    for id, resource in bank.resources.items():
        if resource["Type"].endswith(("RecordSet", "ParameterGroup", "Custom::Task")):
            continue  # the name of a host, and the kind of a server
        for name in names:
            value = resource.get("Properties", {}).get(name)
            if isinstance(value, str):
                assert bank.config.name in value, (id, name, value)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"regoin": "eu-west-1"}, "regoin"),
        ({"account": "1234"}, "account"),
        ({"domain": "bank.example.org"}, "zone"),
        ({"size": "huge"}, "small or large"),
        ({"database": "mysql"}, "rds or aurora"),
        ({"mail_secret": "ledger/mail"}, "ARN"),
        ({"snapshot": "s"}, "secret_key"),
        ({"name": "Ledger"}, "small letters"),
        ({"proxy": "yes"}, "true or false"),
    ],
)
def test_wrong_context_is_refused(changed: dict[str, str], said: str) -> None:
    with pytest.raises(WrongContext, match=said):
        read(GIVEN | changed)


@pytest.mark.parametrize("name", GIVEN)
def test_what_has_no_default_must_be_given(name: str) -> None:
    given = {key: value for key, value in GIVEN.items() if key != name}
    with pytest.raises(WrongContext, match=name):
        read(given)


def test_context_of_cdk_itself_and_our_settings_pass() -> None:
    config = read(
        GIVEN | {"@aws-cdk/core:x": True, "aws:cdk:y": "z", "LEDGER_CONTACT": "help@example.com",
                 "OTEL_SERVICE_NAME": "bank", "secret_key": KEY}
    )  # fmt: skip
    assert config.ledger_settings == {
        "LEDGER_CONTACT": "help@example.com", "OTEL_SERVICE_NAME": "bank",
    }  # fmt: skip
