"""Tests that both templates of each flavour are valid, and are made without calling AWS."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ledger_aws.config import WrongContext, read

from tests.flavours import GIVEN, Templates, templates, text

# Ignored rules. W3010: zones are named, so that CDK does not query AWS. W3005: CDK repeats
# dependencies.
OURS = {
    "Name", "ReplicationGroupId", "DBInstanceIdentifier", "DBClusterIdentifier", "DBProxyName",
    "TopicName", "AlarmName", "ClusterName", "Family", "AliasName", "LogGroupName",
    "functionName",
}  # fmt: skip
LEFT_OUT = ["W3010", "W3005"]
# A cluster that starts from a snapshot keeps the snapshot's administrator, with a new password.
OF_A_SNAPSHOT = "E3021"

NO_METADATA = {"AWS_EC2_METADATA_DISABLED": "1"}


def test_cfn_lint_finds_nothing(bank: Templates) -> None:
    lint = Path(sys.executable).with_name("cfn-lint")
    files = [str(each) for each in bank.folder.glob("*.template.json")]
    assert len(files) == len(bank.all)
    left_out = [*LEFT_OUT, *[OF_A_SNAPSHOT] * (bank.name == "aurora restored")]
    done = subprocess.run(
        [lint, "--ignore-checks", *left_out, "--regions", bank.config.region, "--", *files],
        capture_output=True, text=True, check=False, env=os.environ | NO_METADATA,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_nothing_was_looked_up(bank: Templates) -> None:
    manifest = json.loads((bank.folder / "manifest.json").read_text())
    assert "missing" not in manifest
    for template in bank.all:
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


# OF_ALL matches names that must be unique in an account and region. NOT_OF_ALL matches the types
# whose names are inside another resource, or are values such as a host, a kind, or a policy of one
# role.
OF_ALL = re.compile(r"(Name|Identifier|ReplicationGroupId|Family|functionName)$")
NOT_OF_ALL = re.compile(
    r"RecordSet|Certificate|ScalingPolicy|ScalableTarget|Custom::|ECS::Service|IAM::Policy|Lambda"
    r"|EC2::|ParameterGroup|DBProxyTargetGroup"
)
# Two banks may have the same value here. The namespace of their metrics differs.
SAME = {
    "MetricName",
    "DBName",
    "DatabaseName",
    "CACertificateIdentifier",
    "EngineFamily",
}


def _names(bank: Templates) -> set[tuple[str, str, str]]:
    """Returns each literal name with its type. A nested template has its names in its
    parameters.
    """
    found = set()
    for resource in bank.resources.values():
        properties = resource.get("Properties", {})
        if NOT_OF_ALL.search(resource["Type"]):
            continue
        for key, value in {**properties, **properties.get("Parameters", {})}.items():
            if isinstance(value, str) and OF_ALL.search(key) and key not in SAME:
                found.add((resource["Type"], key, value))
    return found


@pytest.mark.parametrize(
    ("first", "second"), [("large", "restored large"), ("aurora", "aurora restored")]
)
def test_a_second_bank_uses_none_of_the_first_ones_names(first: str, second: str) -> None:
    """Checks that two banks have no common names, because CloudFormation refuses a name that
    exists.
    """
    both = _names(templates(first)) & _names(templates(second))
    assert both == set()
    exports = [
        {text(each["Export"]["Name"])
         for template in templates(flavour).all for each in template.get("Outputs", {}).values()
         if "Export" in each}
        for flavour in (first, second)
    ]  # fmt: skip
    assert exports[0]
    assert not exports[0] & exports[1]


def test_names_begin_with_that_of_the_bank(bank: Templates) -> None:
    """Checks the prefix of all names, so that `-c name=restored` does not change the first bank."""
    names = {(key, value) for _, key, value in _names(bank)}
    assert ("functionName", f"{bank.config.name}-rotation") in names
    for key, value in names:
        if key in OURS:
            assert bank.config.name in value, (key, value)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"regoin": "eu-west-1"}, "regoin"),
        ({"account": "1234"}, "account"),
        ({"domain": "bank.example.org"}, "zone"),
        ({"size": "huge"}, "small or large"),
        ({"database": "mysql"}, "rds or aurora"),
        ({"mail_secret": "ledger/mail"}, "ARN"),
        ({"secret_key": "arn"}, "not known"),
        ({"name": "Ledger"}, "small letters"),
        ({"proxy": "yes"}, "true or false"),
        ({"OIDC_CLIENT_SECRET": "lanterns"}, "OIDC_CLIENT_SECRET.*Secrets Manager"),
        ({"LEDGER_METRICS_TOKEN": "lanterns"}, "the stack generates"),
        ({"LEDGER_EXPLORER_PASSWORD": "lanterns"}, "tokens of IAM"),
    ],
)
def test_wrong_context_is_refused(changed: dict[str, str], message: str) -> None:
    with pytest.raises(WrongContext, match=message):
        read(GIVEN | changed)


@pytest.mark.parametrize("name", GIVEN)
def test_what_has_no_default_must_be_given(name: str) -> None:
    given = {key: value for key, value in GIVEN.items() if key != name}
    with pytest.raises(WrongContext, match=name):
        read(given)


def test_context_of_cdk_itself_and_our_settings_pass() -> None:
    config = read(
        GIVEN | {"@aws-cdk/core:x": True, "aws:cdk:y": "z", "LEDGER_CONTACT": "help@example.com",
                 "OTEL_SERVICE_NAME": "bank"}
    )  # fmt: skip
    assert config.ledger_settings == {
        "LEDGER_CONTACT": "help@example.com", "OTEL_SERVICE_NAME": "bank",
    }  # fmt: skip
