"""Proves a backup by restoring it into an embedded server of its own, which is deleted again."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from ledger.db.removal import delete_everything
from ledger.env import BASE_DIR

OTHER_SERVER = ("DATABASE_URL", "DB_NAME")


class NotProved(Exception):
    """The restored bank is not that of the backup; the message says what differs."""


def prove_elsewhere(file: Path) -> str:
    """What `manage.py restore` says of it. Raises NotProved. Needs room for the whole bank."""
    with tempfile.TemporaryDirectory(prefix="ledger-proof-") as found:
        folder = Path(found)
        folder.chmod(0o711)  # as root, Postgres runs as another user
        own = dict.fromkeys(OTHER_SERVER, "") | {"LEDGER_DATA_DIR": str(folder / "data")}
        try:
            done = subprocess.run(
                [sys.executable, BASE_DIR / "manage.py", "restore", str(file.resolve())],
                env={**os.environ, **own},
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            delete_everything(folder / "data")
    if done.returncode:
        raise NotProved(f"The backup is not proved: {done.stderr.strip()}")
    return done.stdout.strip()
