"""What the Makefile says and refuses: no Python that fits, Ctrl-C, `make clean`."""

import os
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from ledger.embedded import removal
from ledger.env import BASE_DIR
from tests.ledger.processes import LONG, MANAGE, environment, wait_until


def _install(
    folder: Path, *, python: str = f'exec {sys.executable} "$@"', uv: str = "exit 1"
) -> "subprocess.Popen[str]":
    """`make install` where every Python and uv are these scripts, in a group of its own."""
    for name in ("Makefile", "requirements.lock", "deploy/install.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(BASE_DIR / name, folder / name)
    programs = folder / "programs"
    programs.mkdir()
    for name in ("python3", "python3.11", "python3.12", "python3.13", "uv"):
        (programs / name).write_text(f"#!/bin/sh\n{uv if name == 'uv' else python}\n")
        (programs / name).chmod(0o755)
    return subprocess.Popen(
        ["make", "--silent", "install"],
        cwd=folder,
        env={"PATH": f"{programs}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Whoever runs the tests in the background has Ctrl-C ignored, which children inherit.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  no threads here
    )


def test_a_command_of_django_as_a_target_is_answered() -> None:
    make = ["make", "--silent", "migrate"]
    done = subprocess.run(make, cwd=BASE_DIR, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "manage.py migrate" in done.stderr


def test_make_says_that_no_python_fits(tmp_path: Path) -> None:
    make = _install(tmp_path, python="exit 1")
    _, errors = make.communicate(timeout=LONG)

    assert make.returncode != 0
    assert "Ledger needs Python 3.11, 3.12 or 3.13 and found none" in errors


def test_make_says_why_there_is_no_environment(tmp_path: Path) -> None:
    (tmp_path / ".venv").touch()
    make = _install(tmp_path)
    _, errors = make.communicate(timeout=LONG)

    assert make.returncode != 0
    assert "Unable to create directory" in errors


def test_ctrl_c_while_installing_says_one_sentence(tmp_path: Path) -> None:
    make = _install(tmp_path, uv="touch begun; exec sleep 60")
    wait_until((tmp_path / "begun").exists)

    os.killpg(make.pid, signal.SIGINT)
    _, errors = make.communicate(timeout=LONG)

    ours = [line for line in errors.splitlines() if line and not line.startswith("make: ")]
    assert ours == ["Stopped before it was done; the next make begins it again."]
    assert not (tmp_path / ".venv" / ".installed").exists()


def test_make_run_also_runs_the_worker() -> None:
    run = ["make", "--dry-run", "run"]
    printed = subprocess.run(run, cwd=BASE_DIR, capture_output=True, text=True, check=True).stdout
    (command,) = [line.split() for line in printed.splitlines() if "manage.py serve" in line]
    assert "--work" in command


def test_nothing_is_deleted_under_a_running_server(tmp_path: Path) -> None:
    data_dir, held = tmp_path / "data", tmp_path / "manage.py"
    data_dir.mkdir()
    held.touch()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(removal, "LOCKED_FILE", held)
        with (
            removal.removal_blocked(),
            pytest.raises(SystemExit, match="Nothing was removed: Ledger is"),
        ):
            removal.main(data_dir, held)
    assert data_dir.exists()

    removal.main(data_dir, held)
    assert not data_dir.exists()


def test_a_server_of_make_dev_is_held_too(tmp_path: Path) -> None:
    """The lock that the shell took goes over to the program that takes the shell's place."""
    held = tmp_path / "manage.py"
    held.touch()
    makefile = (BASE_DIR / "Makefile").read_text()
    (hold,) = (line for line in makefile.splitlines() if line.startswith("HOLD := "))
    code = hold.removeprefix("HOLD := ")
    script = f"exec 9<manage.py; {sys.executable} -c '{code}'; echo held; exec sleep 60"
    server = subprocess.Popen(["sh", "-c", script], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == "held\n"
        with pytest.raises(SystemExit, match="Nothing was removed"):
            removal.main(tmp_path / "data", held)
    finally:
        server.kill()
        server.communicate()


def test_progress_of_a_first_start_is_not_red(tmp_path: Path) -> None:
    """As on a terminal, where Django prints errors in red."""
    code = (
        "from unittest.mock import patch; from django.core.management import call_command\n"
        "with patch('ledger.management.commands.prepare.prepare',"
        " lambda progress, **_given: progress.print_line('Applying ...')):"
        " call_command('prepare', force_color=True)"
    )

    done = subprocess.run(
        [*MANAGE, "shell", "--no-imports", "-c", code],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stderr == "Applying ...\n"
