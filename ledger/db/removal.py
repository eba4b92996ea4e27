"""Stop the embedded servers of a data folder and delete all they made: `make clean`.

Needs the standard library only, because the virtual environment may be gone:
`python -m ledger.db.removal .data`
"""

import shutil
import sys
from pathlib import Path

from ledger.db.embedded import EmbeddedServer, EmbeddedServerError
from ledger.db.placement import MAJORS, SHARED, WHEEL, home_of, socket_dir_of


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


if __name__ == "__main__":
    try:
        delete_everything(Path(sys.argv[1]))
    except (EmbeddedServerError, OSError) as err:
        sys.exit(f"Not everything could be removed: {err}")
