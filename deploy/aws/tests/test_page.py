"""Tests the commands of docs/deploy-aws.md that need an account. The real AWS CLI checks each
command, but makes no call. Commands in blocks of the kind `here` are run.
"""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.flavours import ROOT, templates

PAGE = (ROOT / "docs/deploy-aws.md").read_text()
NAMES = (ROOT / "deploy/aws/names.sh").read_text()
STAND_IN = Path(__file__).with_name("stand_in.py")
# LEDGER_SHELL=zsh runs the page in zsh.
SHELL = [os.environ.get("LEDGER_SHELL", "bash"), "-eu", "-o", "pipefail", "-c"]
HOSTS = {"rds": "proof.example.com", "aurora": "proof.cluster.example.com"}
IDS = {"rds": "db-LEDGERPROOF", "aurora": "cluster-LEDGERPROOF"}
BLOCK = re.compile(r"^```console (\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [(match[1], match[2]) for match in BLOCK.finditer(PAGE)]
OTHER = """#!/bin/bash
echo "$(basename "$0") $*" >> "$CALLS"
if [ "$1" = login ]; then cat > /dev/null; fi
"""
OTHERS = ("docker", "npx", "session-manager-plugin", "sleep")
CDK = re.findall(r"npx aws-cdk@[\d.]+", NAMES)[0]
# The kind of database, and the name of the bank.
BANKS = (("rds", "ledger"), ("aurora", "ledger"), ("rds", "second"))
FIRST_SECRET_KEY = "lanterns-over-slow-rivers"


def _script(*kinds: str) -> str:
    """Returns the commands in all blocks of these kinds, in the order of the page."""
    commands = []
    for found, text in BLOCKS:
        if found not in (*kinds, "names"):
            continue
        shown = re.sub(r"^\$ ", "\0", text, flags=re.MULTILINE).split("\0")[1:]
        commands += [re.sub(r"\s{2,}# .*$", "", each, flags=re.MULTILINE) for each in shown]
    return "\n".join(commands)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder with a fake `aws`, and other programs that do nothing."""
    folder = tmp_path_factory.mktemp("programs")
    (folder / "aws").write_text(f"#!{sys.executable}\n{STAND_IN.read_text()}")
    for name in OTHERS:
        (folder / name).write_text(OTHER)
    for program in folder.iterdir():
        program.chmod(0o755)
    return folder


@dataclass(frozen=True)
class Walk:
    """A run through the page for one kind of database."""

    kind: str
    bank: str
    calls: list[str]  # every program that was started, with its arguments
    printed: str
    values: dict[str, str]  # the values of the secrets after the run

    def one(self, begin: str) -> str:
        (found,) = [call for call in self.calls if call.startswith(begin)]
        return found


@pytest.fixture(scope="module", params=BANKS, ids="-".join)
def walk(
    request: pytest.FixtureRequest, programs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Walk:
    home = tmp_path_factory.mktemp("home")
    noted, state = home / "calls", home / "state"
    kind, bank = request.param
    given = {
        "PATH": f"{programs}:/usr/bin:/bin", "HOME": str(home), "CALLS": str(noted),
        "STATE": str(state), "KIND": kind, "FIRST_BANK": bank, "FIRST_SECRET_KEY": FIRST_SECRET_KEY,
        "REAL": str(Path(sys.executable).with_name("aws")), "AWS_ACCESS_KEY_ID": "of-nobody",
        "AWS_SECRET_ACCESS_KEY": "of-nobody", "AWS_MAX_ATTEMPTS": "1", "AWS_PAGER": "",
        "AWS_EC2_METADATA_DISABLED": "true",
    }  # fmt: skip
    script = _script("account", kind).replace("DATABASE=rds", f"DATABASE={kind}")
    script = script.replace("BANK=ledger", f"BANK={bank}")
    done = subprocess.run(
        [*SHELL, script], cwd=ROOT, env=given, capture_output=True, text=True, check=False
    )
    calls = noted.read_text().splitlines()
    assert done.returncode == 0, done.stderr + "\n".join(calls[-1:])
    values = json.loads(state.read_text())["values"]
    return Walk(kind, bank, calls, done.stdout + done.stderr, values)


@pytest.fixture
def calls(walk: Walk) -> list[str]:
    return walk.calls


def test_each_command_is_one_of_the_cli(calls: list[str]) -> None:
    services = {call.split()[1] for call in calls if call.startswith("aws ")}
    assert services == {
        "cloudformation", "ecr", "ecs", "elbv2", "iam", "logs", "rds", "secretsmanager"
    }  # fmt: skip
    assert sum(call.startswith("docker ") for call in calls) == 4


def test_the_cli_of_cdk_reads_what_the_library_writes() -> None:
    """Checks the versions, because an older CLI is "not compatible with the CDK library"."""
    from aws_cdk.cloud_assembly_schema import Manifest

    needed = str(Manifest.cli_version())
    assert numbers_of(CDK.rpartition("@")[2]) >= numbers_of(needed), needed


def numbers_of(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def test_each_deployment_is_of_a_bank_that_can_be_made(walk: Walk, calls: list[str]) -> None:
    """Reads the configuration from each `cdk deploy` command on the page, and checks its values."""
    from ledger_aws.config import read

    deployments = [call for call in calls if call.startswith(f"{CDK} deploy --all")]
    assert len(deployments) == 3
    for call in deployments:
        given = dict(re.findall(r"-c (\w+)=(\S+)", call))
        config = read(given)
        assert (config.size_name, config.database) == ("large", walk.kind)
        assert config.mail_secret.endswith(f":secret:{config.name}/mail-AbCdEf")
    names = [read(dict(re.findall(r"-c (\w+)=(\S+)", call))).name for call in deployments]
    assert names == [walk.bank, walk.bank, "restored"]


def test_a_bank_of_another_name_touches_nothing_of_the_first(walk: Walk) -> None:
    """Checks all names except the repository of images, which all banks share."""
    if walk.bank == "ledger":
        return
    for call in walk.calls:
        if not call.startswith(("docker ", "aws ecr ")):
            assert not re.search(r"\bledger\b", call), call


def test_a_restored_bank_has_the_values_of_the_first_under_its_own_key(walk: Walk) -> None:
    """Checks that secret values go through pipes and never appear on the screen or in arguments."""
    of_restored = {name: value for name, value in walk.values.items() if "restored" in name}
    assert sorted(of_restored.values()) == [FIRST_SECRET_KEY, walk.values[f"{walk.bank}/mail"]]
    for value in of_restored.values():
        assert value not in walk.printed
        assert not any(value in call for call in walk.calls)
    for bank in (walk.bank, "restored"):
        encrypted = f"--secret-id {bank}/mail --kms-key-id alias/{bank}"
        assert walk.one(f"aws secretsmanager update-secret {encrypted}")


def test_a_restored_bank_begins_with_a_copy_of_the_snapshot_under_its_own_key(walk: Walk) -> None:
    """Checks that the key is made first, and that the secret has a value before a task starts."""
    from ledger_aws.config import read

    keys, bank = (
        walk.calls.index(next(call for call in walk.calls if call.startswith(begin)
                              and "name=restored" in call))
        for begin in (f"{CDK} deploy Keys", f"{CDK} deploy --all")
    )  # fmt: skip
    config = read(dict(re.findall(r"-c (\w+)=(\S+)", walk.calls[bank])))
    assert config.ledger_settings == {"LEDGER_WEBHOOK_THREADS": "0"}
    copy = walk.one("aws rds copy-db-")
    assert f"-snapshot-identifier {config.snapshot} --kms-key-id alias/restored" in copy
    put = walk.one("aws secretsmanager put-secret-value")
    assert keys < walk.calls.index(put) < bank
    assert keys < walk.calls.index(copy) < bank
    firsts = [call for call in walk.calls if "deploy --all" in call and "restored" not in call]
    assert not any("snapshot=" in call for call in firsts)


def test_the_proof_is_of_the_task_that_looked_at_the_restored_database(walk: Walk) -> None:
    """Checks the task's exit code and log, because the newest audit line may be from the first
    bank.
    """
    (run,) = [call for call in walk.calls if "--overrides" in call]
    assert f'"DB_HOST", "value": "{HOSTS[walk.kind]}"' in run
    assert f":dbuser:{IDS[walk.kind]}/ledger_auditor" in walk.one("aws iam put-role-policy")
    started = [call for call in walk.calls if " run-task " in call]
    task = f"task{started.index(run) + 1}"
    log = walk.one("aws logs")
    audit = templates("large").container("proof")
    prefix = audit["LogConfiguration"]["Options"]["awslogs-stream-prefix"]
    assert "get-log-events" in log  # one page: with text output the CLI would query each page
    assert f"--log-stream-name {prefix}/{audit['Name']}/{task} " in log
    codes = [call for call in walk.calls if "exitCode" in call]
    assert codes
    assert all(f"/{task} " in call for call in codes)
    assert walk.calls.index(run) < walk.calls.index(codes[0])


def test_the_secret_of_mail_is_an_address_that_ledger_reads(walk: Walk, tmp_path: Path) -> None:
    """Checks the quoting, because passwords of SES contain characters that must be quoted in a
    URL.
    """
    secret = walk.values[f"{walk.bank}/mail"]
    code = "from ledger import settings as s; print(s.EMAIL_HOST_USER, s.EMAIL_HOST_PASSWORD)"
    own = {"PATH": "/usr/bin:/bin", "LEDGER_DATA_DIR": str(tmp_path), "EMAIL_URL": secret}
    done = subprocess.run(
        [ROOT / ".venv/bin/python", "-c", code],
        cwd=ROOT, env=own, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.split() == ["AKIAEXAMPLE", "BExample/with+signs="], done.stderr


def test_zsh_reads_no_part_of_an_arn_as_a_modifier() -> None:
    """Checks that variables before a colon have braces. In zsh, `$ACCOUNT:secret` is a
    substitution, and `${ACCOUNT}:secret` is not. zsh is rarely installed, so the tests use it only
    with LEDGER_SHELL=zsh.
    """
    assert re.findall(r"\$[A-Z_]+:\S*", "".join(text for _, text in BLOCKS) + NAMES) == []


def test_a_console_is_opened_when_its_agent_is_there(walk: Walk) -> None:
    opened = walk.calls.index(walk.one("aws ecs execute-command"))
    assert "managedAgents" in walk.calls[opened - 1]


def test_what_each_later_section_needs_is_read_from_a_file() -> None:
    """Checks that later sections set their variables again, because operators run them months
    later.
    """
    later = PAGE[PAGE.index("## A new version") :]
    assert " ".join(later.split()).count("step 1") == 3
    read_again = set(re.findall(r"\b([A-Z_]+)=", PAGE[: PAGE.index("**2. The image.")]))
    commands = "".join(text for _, text in BLOCK.findall(later))
    made = set(re.findall(r"^\$ ([A-Z_]+)=", commands, re.MULTILINE))
    assert set(re.findall(r"\$\{?([A-Z_]+)", commands)) <= read_again | made


def test_the_page_names_what_the_templates_name() -> None:
    bank = templates("large")
    for name in ("ledger-db", "ledger-proxy"):
        assert name in str(bank.data)
    text_ = PAGE + NAMES
    outputs = set(re.findall(r"output_of data (\w+)", text_))
    assert len(outputs) == 5
    assert outputs <= set(bank.data["Outputs"]) | {"AttachmentBucket"}
    assert "AttachmentBucket" in templates("attachments in S3").data["Outputs"]
    of_keys = templates("restored").keys
    assert of_keys
    assert set(re.findall(r"output_of keys (\w+)", text_)) <= set(of_keys["Outputs"])
    for task in re.findall(r"--task-definition \$BANK-(\w+)|run_task (\w+)", text_):
        assert bank.task("".join(task))
    groups = {each["LogGroupName"] for _, each in bank.of_type("AWS::Logs::LogGroup")}
    named = re.findall(r"`/ledger/(\w+)`|--log-group-name /\$BANK/(\w+)", PAGE)
    assert {f"/ledger/{''.join(each)}" for each in named} <= groups
    assert len(named) > 2


def test_the_console_waits_for_an_hour() -> None:
    container = templates("small").container("console")
    assert container["EntryPoint"] + container["Command"] == ["sleep", "3600"]


def test_what_needs_no_account_runs(tmp_path: Path) -> None:
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))
    }
    done = subprocess.run(
        [*SHELL, _script("here")],
        cwd=ROOT, env=clean | {"HOME": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split()[-2:] == [
        "deploy/aws/cdk.out/Bank.template.json", "deploy/aws/cdk.out/Data.template.json"
    ]  # fmt: skip
