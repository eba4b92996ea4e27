"""deploy/server/ledger: reads the settings as systemd does, and the caller's win."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.deploying.wrapper import ODD, WRAPPER, wrapper

# tests/deploying/test_server.py compares with systemd itself.
VALUES = {
    "PLAIN": "a$b`date`",
    "SINGLE": 'p$ss w"rd\\',
    "DOUBLE": 'a "b" $c $d \\n',
    "PIECES": "abc",
    "SPACED": "v w",
    "ESCAPED": "a b\\c$",
    "CONTINUED": "ab",
    "EMPTY": "",
    "INSIDE": 'it\'s "so"',
    "MAIL": "smtp+tls://user:p$w@mail.example:587",
    "LINES": "one\ntwo",
    "LAST": "x=y",
}


def test_values_are_read_as_systemd_reads_them() -> None:
    assert wrapper().values_of(ODD) == VALUES


@pytest.mark.parametrize("text", ["A='x\nB=1\n", 'A="x', "B=1\nA='"])
def test_a_quote_that_is_not_closed_is_named_by_its_line(text: str) -> None:
    with pytest.raises(ValueError, match=r"line [12] "):
        wrapper().values_of(text)


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """Runs the wrapper with a file of settings, and a runuser that prints what it was given."""
    file, folder = tmp_path / "ledger.env", tmp_path / "bin"
    folder.mkdir()
    script = WRAPPER.read_text().replace("/etc/ledger/ledger.env", str(file))
    (tmp_path / "ledger").write_text(script.replace("/srv/ledger", str(tmp_path)))
    (folder / "runuser").write_text('#!/bin/sh\necho "$@"; env\n')
    (folder / "runuser").chmod(0o755)

    def run(settings: str, *arguments: str, **callers: str) -> subprocess.CompletedProcess[str]:
        file.write_text(settings)
        return subprocess.run(
            ["python3", tmp_path / "ledger", *arguments],
            env={"PATH": f"{folder}{os.pathsep}{os.defpath}", **callers},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


def test_variables_of_the_caller_win_over_the_file(run: Any) -> None:
    done = run("DB_NAME=ledger\nLOG_FORMAT=json", "restore", "a b", DB_NAME="ledger_new")

    printed = done.stdout.splitlines()
    assert printed[0] == "-u ledger -- .venv/bin/python manage.py restore a b"
    assert {"DB_NAME=ledger_new", "LOG_FORMAT=text"} <= set(printed)
    assert "-u postgres" in run("", "create_roles", AS="postgres").stdout


def test_check_reads_the_log_format_of_the_services(run: Any) -> None:
    done = run("LOG_FORMAT=json", "check", "--deploy")
    assert "LOG_FORMAT=json" in done.stdout.splitlines()


def test_a_value_is_never_run(run: Any, tmp_path: Path) -> None:
    done = run(f"A=`touch {tmp_path}/run`$(touch {tmp_path}/run)\n", "check")
    assert f"A=`touch {tmp_path}/run`$(touch {tmp_path}/run)" in done.stdout
    assert not (tmp_path / "run").exists()


def test_settings_that_cannot_be_read_are_told_in_a_sentence(run: Any) -> None:
    done = run("A='", "check")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "line 1" in done.stderr
