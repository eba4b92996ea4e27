"""Stop the embedded servers of a data folder and delete all they made: `make clean`.

Needs the standard library only, because the virtual environment may be gone:
`python -m ledger.db.removal .data`
"""

import fcntl
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ledger.db.embedded import EmbeddedServer, EmbeddedServerError
from ledger.db.placement import MAJORS, SHARED, WHEEL, home_of, socket_dir_of

# Whoever serves this code holds a shared lock on the file, and the kernel lets go of it however
# that process ends: unlike a note with a process id, it is never stale.
HELD = Path(__file__).resolve().parents[2] / "manage.py"


@contextmanager
def held_off() -> Iterator[None]:
    """While a server runs, nothing of it may be deleted."""
    with HELD.open() as file:
        # A file system without locks can still be served from.
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_SH)
        yield


def delete_everything(data_dir: Path) -> None:
    """Raises EmbeddedServerError or OSError; what is left then can be deleted again."""
    data_dir = data_dir.resolve()
    home = home_of(data_dir)
    for major in MAJORS:
        EmbeddedServer(data_dir, major).stop()
        shutil.rmtree(socket_dir_of(home, major), ignore_errors=True)
    if home != data_dir:
        shutil.rmtree(home)
        _delete_unused_programs()
    if data_dir.exists():
        shutil.rmtree(data_dir)


def _delete_unused_programs() -> None:
    """The copied programs serve every project of this machine, so the last one takes them along."""
    left = list(SHARED.iterdir())
    if all(folder.name.startswith(WHEEL) for folder in left):
        shutil.rmtree(SHARED)


def main(data_dir: Path, held: Path = HELD) -> None:
    """Deletes, or ends with one sentence that says why not."""
    try:
        with held.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            delete_everything(data_dir)
    except BlockingIOError:
        sys.exit(
            "Nothing was removed: Ledger is running from this folder. "
            "End it where it runs, with Ctrl-C, then run make clean again."
        )
    except (EmbeddedServerError, OSError) as err:
        sys.exit(f"Not everything could be removed: {err}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
