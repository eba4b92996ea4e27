"""A prepared bank with four rich accounts: made once, copied for tests with their own server."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from ledger.db.server.embedded import make_data_dir
from ledger.embedded import placement
from ledger.embedded.server import PREPARE_SECONDS, EmbeddedServer

COPIED = "copied.txt"  # in a data folder: it has the bank already


def copy_into(data_dir: Path, make: Callable[[Path], object]) -> None:
    """Puts the bank into a data folder without a server. The first time, `make` makes the original
    in the folder that it gets.
    """
    from tests.template import digest_of_the_code  # loads models, which programs do not set up

    ours = EmbeddedServer(settings.LEDGER_DATA_DIR)
    ours.ensure_started()
    originals = placement.home_of(ours.data_dir) / "banks"
    original = EmbeddedServer(originals / digest_of_the_code())
    with ours.locked("banks.lock", PREPARE_SECONDS, "copying"):
        if not (original.data_dir / COPIED).exists():
            shutil.rmtree(originals, ignore_errors=True)
            make(original.data_dir)
            original.stop()
            (original.data_dir / COPIED).touch()
    make_data_dir(data_dir)
    others = [
        part for part in original.data_dir.iterdir() if not part.name.startswith(("pg", "run"))
    ]
    for part in (original.data, *others):
        subprocess.run(["cp", "-a", str(part), str(data_dir)], check=True)


def is_copied(data_dir: Path) -> bool:
    return (data_dir / COPIED).exists()
