"""Ledger in processes of its own, with a data folder and an environment of its own."""

import os
import runpy
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ledger.embedded.removal import delete_everything
from ledger.env import BASE_DIR
from tests.optional import missing
from tests.settings import NAMES_ELSEWHERE, SETTING_NAMES

LONG = 120  # seconds until something that must happen has happened, on any machine
MANAGE = [sys.executable, str(BASE_DIR / "manage.py")]


# Playwright needs the second one in a worker that has run tests in a browser.
NEEDED = {"DB_IAM_REGION": "boto3", "DB_DRIVER": "aws-advanced-python-wrapper"}
OF_TESTS = {"DJANGO_SETTINGS_MODULE", "DJANGO_ALLOW_ASYNC_UNSAFE"}


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    """This process's environment with these settings instead of those of the test run. Skips a
    test whose settings are refused without a package that only CI installs.
    """
    for name, package in NEEDED.items():
        if settings.get(name) and (reason := missing(package)):
            pytest.skip(reason)
    unset = dict.fromkeys([*SETTING_NAMES, *NAMES_ELSEWHERE], "")
    own = {name: value for name, value in os.environ.items() if name not in OF_TESTS}
    return own | unset | {"LEDGER_DATA_DIR": str(data_dir)} | settings


def settings_with(
    monkeypatch: pytest.MonkeyPatch, data_dir: Path, **settings: str
) -> dict[str, Any]:
    """All names of `ledger.settings`, which is read again in an environment with these settings."""
    for name, value in environment(data_dir, **settings).items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(BASE_DIR / "ledger" / "settings" / "__init__.py"))


def manage(data_dir: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MANAGE, *arguments],
        env=environment(data_dir, **settings),
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )


def assert_one_sentence(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """It failed and printed one line without a traceback, with these words in it."""
    assert done.returncode != 0
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    for word in words:
        assert word in done.stderr


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONG
    while not is_so():
        assert time.monotonic() < deadline, f"it did not happen in {LONG} seconds"
        time.sleep(0.02)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        yield int(found.getsockname()[1])


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """A folder with a space in its name that root's Postgres, which is another user, can enter.

    Other users cannot enter pytest's own folders.
    """
    folder = Path(tempfile.mkdtemp(prefix="ledger test "))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def own_data_dir() -> Iterator[Path]:
    """A data folder that is not there yet; its servers are ended and deleted after the block."""
    with reachable_folder() as folder:
        try:
            yield folder / "data"
        finally:
            delete_everything(folder / "data")
