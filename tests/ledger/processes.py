"""Ledger in processes of its own, with a data folder and an environment of its own."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger.env import BASE_DIR
from tests.settings import SETTING_NAMES

MANAGE = [sys.executable, str(BASE_DIR / "manage.py")]


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    """This one without the settings of the test run, and with those given."""
    hidden = dict.fromkeys(SETTING_NAMES, "")
    kept = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    return kept | hidden | {"LEDGER_DATA_DIR": str(data_dir)} | settings


def manage(data_dir: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MANAGE, *arguments],
        env=environment(data_dir, **settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def assert_one_sentence(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """It failed, and told why in one line without a traceback."""
    assert done.returncode != 0
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    for word in words:
        assert word in done.stderr


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        yield int(found.getsockname()[1])


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """A folder with a space in its name that root's Postgres, another user, can enter.

    pytest's own are closed to others, which is a case for itself.
    """
    folder = Path(tempfile.mkdtemp(prefix="ledger test "))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
