"""The commands of docs/deploy-aws.md that need an account: the AWS CLI itself checks each, up to
the call. Those below `here` run.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flavours import ROOT, templates

PAGE = (ROOT / "docs/deploy-aws.md").read_text()
BLOCK = re.compile(r"^```console (\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [(match[1], match[2]) for match in BLOCK.finditer(PAGE)]
# The CLI checks every argument, and then has to find nobody to send it to. The answer is made up.
AWS = """#!/bin/bash
echo "aws $*" >> "$CALLS"
export AWS_DEFAULT_REGION=$AWS_REGION  # as version 1 of the CLI calls it, which is here
said=$("$REAL" --endpoint-url http://127.0.0.1:9 "$@" 2>&1)
grep -q "Could not connect to the endpoint" <<< "$said" || { echo "$said" >&2; exit 1; }
case "$*" in
  *Endpoint.Address*) printf 'made-up\\tmade-up.example.com\\n' ;;
  *) echo made-up ;;
esac
"""
OTHER = """#!/bin/bash
echo "$(basename "$0") $*" >> "$CALLS"
if [ "$1" = login ]; then cat > /dev/null; fi
"""
OTHERS = ("docker", "npx", "session-manager-plugin")


def _script(kind: str) -> str:
    """The commands of all blocks of a kind, in their order."""
    commands = []
    for found, text in BLOCKS:
        if found not in (kind, "names"):
            continue
        shown = re.sub(r"^\$ ", "\0", text, flags=re.MULTILINE).split("\0")[1:]
        commands += [re.sub(r"\s{2,}# .*$", "", each, flags=re.MULTILINE) for each in shown]
    return "\n".join(commands)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an `aws` that calls nobody, and others that do nothing."""
    folder = tmp_path_factory.mktemp("programs")
    (folder / "aws").write_text(AWS)
    for name in OTHERS:
        (folder / name).write_text(OTHER)
    for program in folder.iterdir():
        program.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def calls(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Every program that the page starts, with its arguments."""
    home = tmp_path_factory.mktemp("home")
    noted = home / "calls"
    given = {
        "PATH": f"{programs}:/usr/bin:/bin", "HOME": str(home), "CALLS": str(noted),
        "REAL": str(Path(sys.executable).with_name("aws")), "AWS_ACCESS_KEY_ID": "of-nobody",
        "AWS_SECRET_ACCESS_KEY": "of-nobody", "AWS_MAX_ATTEMPTS": "1", "AWS_PAGER": "",
        "AWS_EC2_METADATA_DISABLED": "true",
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", _script("account")],
        cwd=ROOT, env=given, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + "\n".join(noted.read_text().splitlines()[-1:])
    return noted.read_text().splitlines()


def test_each_command_is_one_of_the_cli(calls: list[str]) -> None:
    services = {call.split()[1] for call in calls if call.startswith("aws ")}
    assert services == {
        "cloudformation", "ecr", "ecs", "elbv2", "iam", "logs", "rds", "secretsmanager"
    }  # fmt: skip
    assert sum(call.startswith("docker ") for call in calls) == 4


def test_each_deployment_is_of_a_bank_that_can_be_made(calls: list[str]) -> None:
    """With the context of the page, and an ARN where the CLI answered something made up."""
    from ledger_aws.config import read

    deployments = [call for call in calls if call.startswith("npx aws-cdk@2 deploy --all")]
    assert len(deployments) == 3
    for call in deployments:
        given = dict(re.findall(r"-c (\w+)=(\S+)", call))
        for name in ("mail_secret", "secret_key"):
            if name in given:
                given[name] = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a-AbCdEf"
        assert read(given).size_name == "large"


def test_the_page_names_what_the_templates_name() -> None:
    bank = templates("large")
    for name in ("ledger-db", "ledger-proxy"):
        assert name in str(bank.data)
    outputs = set(re.findall(r"OutputKey=='(\w+)'", PAGE))
    assert outputs <= set(bank.data["Outputs"])
    for definition in re.findall(r"--task-definition (\S+)", PAGE):
        assert bank.task(definition.removeprefix("ledger-"))
    for group in re.findall(r"`(/ledger/\w+)`", PAGE):
        assert any(each["LogGroupName"] == group for _, each in bank.of_type("AWS::Logs::LogGroup"))


def test_the_console_waits_for_an_hour() -> None:
    container = templates("small").container("console")
    assert container["EntryPoint"] + container["Command"] == ["sleep", "3600"]


def test_what_needs_no_account_runs() -> None:
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))
    }
    done = subprocess.run(
        ["bash", "-eu", "-c", _script("here")],
        cwd=ROOT, env=clean, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split()[-2:] == [
        "deploy/aws/cdk.out/Bank.template.json", "deploy/aws/cdk.out/Data.template.json"
    ]  # fmt: skip
