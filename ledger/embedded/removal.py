"""Implements `make clean`: stops the embedded servers of a data folder and deletes their files.

This module needs only the standard library, because the virtual environment may no longer exist:
`python -m ledger.embedded.removal .data`. If another process has locked the file LOCKED_FILE,
nothing is deleted. An optional second argument names another file for this lock.
"""

import fcntl
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ledger.db.server.embedded import EmbeddedServerError
from ledger.embedded import placement, postmaster

# A process that runs a server of this code has a shared lock on this file. The kernel releases the
# lock when the process ends for any reason. Unlike a pid file, the lock is therefore always
# correct.
LOCKED_FILE = Path(__file__).resolve().parents[2] / "manage.py"


@contextmanager
def removal_blocked() -> Iterator[None]:
    """Makes `make clean` refuse to delete anything while the block runs."""
    with LOCKED_FILE.open() as file:
        # Some file systems have no locks, and the server must still work on them.
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_SH)
        yield


def delete_everything(data_dir: Path) -> None:
    """Stops the servers of a data folder and deletes all their files. After an error, the function
    can be called again.

    Raises EmbeddedServerError or OSError.
    """
    data_dir = data_dir.resolve()
    if (data_dir / placement.STANDBY_FOLDER).exists():
        delete_everything(data_dir / placement.STANDBY_FOLDER)
    home = placement.home_of(data_dir)
    postmaster.stop(placement.data_of(home))
    shutil.rmtree(placement.socket_dir_of(home), ignore_errors=True)
    if home != data_dir:
        shutil.rmtree(home)
        _delete_unused_programs()
    if data_dir.exists():
        shutil.rmtree(data_dir)


def _delete_unused_programs() -> None:
    """Deletes the copied programs if no other project on this machine uses them."""
    left = list(placement.SHARED.iterdir())
    if all(folder.name.startswith(placement.WHEELS) for folder in left):
        shutil.rmtree(placement.SHARED)


def main(data_dir: Path, locked_file: Path = LOCKED_FILE) -> None:
    """Deletes everything. If this is not possible, exits with a message that contains the
    reason.
    """
    try:
        with locked_file.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            delete_everything(data_dir)
    except BlockingIOError:
        sys.exit(
            "Nothing was removed: Ledger is running from this folder. "
            "Stop it with Ctrl-C in its terminal, then run make clean again."
        )
    except (EmbeddedServerError, OSError) as err:
        sys.exit(f"Not everything could be removed: {err}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
