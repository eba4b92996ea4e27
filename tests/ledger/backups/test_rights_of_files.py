"""Only its owner reads a fixture that `dumpdata` writes, as a backup."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command


@pytest.fixture(autouse=True)
def _open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("end", "is_there"),
    [("json.gz", False), ("json.bz2", False), ("json.xz", False), ("json", True)],
)
def test_only_its_owner_reads_a_fixture(end: str, is_there: bool, tmp_path: Path) -> None:
    file = tmp_path / f"bank.{end}"
    if is_there:
        file.touch(mode=0o666)
    call_command("dumpdata", output=str(file), verbosity=0)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.stat().st_size
