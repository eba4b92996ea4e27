"""The units of deploy/server, and what docs/deploy-server.md says of them."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from ledger.env import BASE_DIR
from ledger.settings.provider import COGNITO, DETAILS, OIDC
from tests.console import read

# | `ledger-web`: what it does | `ledger_web`, and more |
ROW = re.compile(r"^\| `(ledger-[a-z@]+)`: .* \| `(\w+)`[^|]*\|$", re.MULTILINE)
UNSET = re.compile(r"^UnsetEnvironment=(.+)$", re.MULTILINE)
USER = re.compile(r"^User=(\w+)$", re.MULTILINE)
WANTS = re.compile(r"^Wants=(ledger-[a-z]+)\.service$", re.MULTILINE)
SCRIPT = re.compile(r"^ExecStart=/bin/sh /srv/ledger/deploy/server/(\w+)$", re.MULTILINE)
SERVER = BASE_DIR / "deploy/server"


def test_the_table_has_every_service_and_as_whom_it_runs() -> None:
    units = {unit.stem: USER.findall(unit.read_text()) for unit in SERVER.glob("ledger-*.service")}
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
    unit = (SERVER / "ledger-work.service").read_text()
    assert of_web == set(" ".join(UNSET.findall(unit)).split())


# Each file in the folder of the test is a fault. `restarts-*` has the restarts of a service. If the
# fault passes, the bank is ready after the pause.
SYSTEMCTL = """#!/bin/sh
case "$1 $2 $3" in
    "show -P NRestarts") cat "$FAULTS/restarts-$4" ;;
    "is-active --quiet "*) [ ! -e "$FAULTS/$3" ] ;;
esac
"""
CURL = """#!/bin/sh
case "$*" in
    *"--max-time 10 "*" http://127.0.0.1:8001/readyz") [ ! -e "$FAULTS/readyz" ] ;;
    *) exit 3 ;;
esac
"""
SLEEP = """#!/bin/sh
[ ! -e "$FAULTS/passes" ] || rm "$FAULTS/readyz"
"""


@pytest.fixture
def alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the faults that `run_checks` finds."""
    for name, text in {"systemctl": SYSTEMCTL, "curl": CURL, "sleep": SLEEP}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    faults = tmp_path / "faults"
    faults.mkdir()
    monkeypatch.setenv("FAULTS", str(faults))
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    for unit in ("ledger-web", "ledger-work"):
        (faults / f"restarts-{unit}").write_text("5\n")
    return faults


def run_checks() -> dict[str, str]:
    """Runs the units that the timer starts. Returns the output of each unit that fails and so sends
    an email.
    """
    name, failed = "ledger-alive", {}
    for unit in (name, *WANTS.findall((SERVER / f"{name}.service").read_text())):
        text = (SERVER / f"{unit}.service").read_text()
        assert "\nOnFailure=ledger-failed@%N.service\n" in text
        (script,) = SCRIPT.findall(text)
        done = subprocess.run([SERVER / script], capture_output=True, text=True, check=False)
        if done.returncode:
            failed[unit] = done.stdout
    return failed


@pytest.mark.parametrize(
    ("fault", "named"),
    [("ledger-web", "ledger-web"), ("ledger-work", "ledger-work"), ("readyz", "not ready")],
)
def test_a_service_that_does_not_run_and_a_bank_that_is_not_ready_are_found(
    alive: Path, fault: str, named: str
) -> None:
    assert run_checks() == {}
    (alive / fault).touch()
    failed = run_checks()
    assert failed.keys() == {"ledger-alive"}
    assert named in failed["ledger-alive"]


def test_a_bank_that_is_ready_after_a_pause_is_no_failure(alive: Path) -> None:
    for fault in ("readyz", "passes"):
        (alive / fault).touch()
    assert run_checks() == {}


@pytest.mark.parametrize("unit", ["ledger-web", "ledger-work"])
@pytest.mark.parametrize(
    ("counts", "times"),
    [((5, 6, 7, 8), 10), ((5, 0, 2, 3), 11)],  # systemd may begin at 0 again
)
def test_a_service_that_restarts_three_times_is_reported_for_an_hour(
    alive: Path, unit: str, counts: tuple[int, ...], times: int
) -> None:
    found = []
    for restarts in (*counts, *[counts[-1]] * 12):
        (alive / f"restarts-{unit}").write_text(f"{restarts}\n")
        failed = run_checks()
        found.append([*failed])
        assert all(unit in output for output in failed.values())
    assert found == [[]] * 3 + [["ledger-restarts"]] * times + [[]] * (13 - times)


def test_a_fault_is_emailed_in_the_hour_after_restarts(alive: Path) -> None:
    """Another unit fails, because a unit sends one email per hour."""
    run_checks()
    (alive / "restarts-ledger-web").write_text("9\n")
    assert "ledger-web has restarted 4 times" in run_checks()["ledger-restarts"]
    for fault in ("ledger-work", "readyz"):
        (alive / fault).touch()
    failed = run_checks()
    assert failed.keys() == {"ledger-alive", "ledger-restarts"}
    assert "ledger-work does not run" in failed["ledger-alive"]
    assert "not ready" in failed["ledger-alive"]


def test_each_service_that_fails_is_emailed_again_after_it_has_run() -> None:
    """Not the worker: it restarts without a limit, and ledger-restarts reports its restarts."""
    texts = {unit.stem: unit.read_text() for unit in SERVER.glob("ledger-*.service")}
    silent = {
        name for name, text in texts.items() if "\nOnFailure=ledger-failed@%N.service\n" not in text
    }
    assert silent == {"ledger-failed@", "ledger-work"}
    limit = dict(
        re.findall(r"^(StartLimit\w+|RestartSec)=(\d+)$", texts["ledger-web"], re.MULTILINE)
    )
    starts, pause = int(limit["StartLimitBurst"]), int(limit["RestartSec"])
    assert starts * pause < int(limit["StartLimitIntervalSec"]) / 5  # a slow start fails, too
    forget = "\nExecStartPost=-+/bin/rm -f /run/ledger-failed/%N\n"
    assert forget in (SERVER / "hardening.conf").read_text()


def test_a_unit_that_runs_once_keeps_its_files_for_its_next_run() -> None:
    """Otherwise systemd deletes the counts of restarts, and the times of emails, after each run."""
    texts = {unit.stem: unit.read_text() for unit in SERVER.glob("ledger-*.service")}
    with_files = {
        name: text
        for name, text in texts.items()
        if "\nType=oneshot\n" in text and "\nRuntimeDirectory=" in text
    }
    assert with_files.keys() == {"ledger-restarts", "ledger-failed@"}
    for name, text in with_files.items():
        assert "\nRuntimeDirectoryPreserve=yes\n" in text, name


def test_the_times_in_the_units_are_those_of_the_docs() -> None:
    assert "OnCalendar=*:0/5\n" in (SERVER / "ledger-alive.timer").read_text()
    assert "checks every five minutes" in read("docs/deploy-server.md")
    for service in ("ledger-web", "ledger-work"):
        assert "Restart=" in (SERVER / f"{service}.service").read_text(), service
    logs = (SERVER / "logrotate.conf").read_text()
    assert {"    daily", "    rotate 14"} <= {*logs.splitlines()}
    assert "contains the last 14 days" in read("docs/logs.md")


def test_backups_are_deleted_only_after_a_newer_one_was_made() -> None:
    """systemd-tmpfiles would delete the last backups, too, if no newer ones are made."""
    lines = (SERVER / "ledger.tmpfiles").read_text().splitlines()
    ages = [line.split()[5] for line in lines if not line.startswith("#")]
    assert ages == ["-"] * 2
    backup = (SERVER / "ledger-backup.service").read_text()
    assert re.findall(r"^(\w+)=.* -delete$", backup, re.MULTILINE) == ["ExecStartPost"]


def test_the_page_enables_each_timer() -> None:
    commands = re.findall(r"^\$ systemctl enable --now (.+)$", read("docs/deploy-server.md"), re.M)
    enabled = set(re.findall(r"\S+\.timer", " ".join(commands)))
    assert enabled == {timer.name for timer in SERVER.glob("*.timer")}
