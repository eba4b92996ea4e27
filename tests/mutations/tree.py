"""A copy of the checkout in which code is changed and tests run."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zlib import crc32

from tests.mutations.places import Mutation


@contextmanager
def copied(root: Path) -> Iterator[Path]:
    """Yields a copy of all files that git tracks or would track, and deletes the copy at the end.

    The copy has a separate data folder and uses the checkout's virtual environment. The checkout
    itself is only read, so an interruption cannot change it.
    """
    folder = Path(tempfile.mkdtemp(prefix="mutants-")).resolve()
    try:
        git = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        listed = subprocess.run(git, cwd=root, check=True, capture_output=True, text=True).stdout
        for name in filter(None, listed.split("\0")):
            if (root / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, folder / name)
        (folder / ".venv").symlink_to(sys.prefix)
        subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)  # tests list files
        yield folder
    finally:
        # The data of the copy's server may be elsewhere, for example for root.
        removal = [sys.executable, "-m", "ledger.embedded.removal", ".data"]
        subprocess.run(removal, cwd=folder, check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


def environment() -> dict[str, str]:
    """Returns the environment of the tests, which use only the embedded server of the copy."""
    return {**os.environ, "DATABASE_URL": "", "DB_NAME": "", "LEDGER_DATA_DIR": ""}


@contextmanager
def changed(folder: Path, path: str, change: Mutation) -> Iterator[None]:
    """Changes a file of the copy while the `with` block runs.

    Python accepts a compiled file if the size and the time (in seconds) of the source match.
    Therefore each content gets a different time, and the unchanged file gets its old time back.
    """
    file = folder / path
    before, times = file.read_bytes(), file.stat()
    after = change.apply(before.decode()).encode()
    file.write_bytes(after)
    os.utime(file, times=(0, crc32(after)))
    try:
        yield
    finally:
        file.write_bytes(before)
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
