"""archive_command of docs/backups.md and of deploy/server: whole files on disk, not overwritten."""

import gzip
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.console import configuration_of, read

NAME = "000000010000000000000001"
WAL = bytes(range(256)) * 4096
CONFIGURATIONS = {
    "docs/backups.md": (configuration_of("docs/backups.md", "archive"), NAME),
    "deploy/server": (read("deploy/server/archive.conf"), f"{NAME}.gz"),
}
FAILING = {
    "copy": {"cp": 'head -c 1000 "$1" > "$2"; exit 1', "gzip": "head -c 1000; exit 1"},
    "sync": {"sync": "exit 1"},
}
pytestmark = pytest.mark.skipif(not shutil.which("zcmp"), reason="needs zcmp, which is not here")
Archive = Callable[..., bool]


@pytest.fixture(params=CONFIGURATIONS)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where the archive has the file."""
    return tmp_path / "archive" / CONFIGURATIONS[request.param][1]


@pytest.fixture
def archive(kept: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Archive:
    """Archives a file as the server does; true if the server may forget it. `programs` are
    scripts in place of the system's.
    """
    (text, _) = CONFIGURATIONS[request.node.callspec.params["kept"]]
    (command,) = re.findall(r"^archive_command = '(.+)'$", text, re.MULTILINE)
    kept.parent.mkdir()

    def archive(content: bytes, **programs: str) -> bool:
        stubs = tmp_path / "programs"
        shutil.rmtree(stubs, ignore_errors=True)
        stubs.mkdir()
        for name, script in programs.items():
            (stubs / name).write_text(f"#!/bin/sh\n{script}\n")
            (stubs / name).chmod(0o755)
        (tmp_path / NAME).write_bytes(content)
        line = command.replace("%p", NAME).replace("%f", NAME).replace("/archive", "archive")
        path = f"{stubs}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(["sh", "-c", line], cwd=tmp_path, env={"PATH": path}, check=False)
        return done.returncode == 0

    return archive


def content(file: Path) -> bytes:
    return gzip.decompress(file.read_bytes()) if file.suffix else file.read_bytes()


def test_a_file_is_archived_and_the_same_again_counts_as_archived(
    archive: Archive, kept: Path
) -> None:
    assert archive(WAL)
    assert archive(WAL)
    assert content(kept) == WAL
    assert [each.name for each in kept.parent.iterdir()] == [kept.name]


def test_another_file_of_the_same_name_is_refused_and_overwrites_nothing(
    archive: Archive, kept: Path
) -> None:
    assert archive(WAL)
    assert not archive(WAL[::-1])
    assert content(kept) == WAL


@pytest.mark.parametrize("failing", FAILING)
def test_a_copy_that_fails_leaves_no_file_and_is_made_again(
    archive: Archive, kept: Path, failing: str
) -> None:
    assert not archive(WAL, **FAILING[failing])
    assert not kept.exists()
    assert archive(WAL)
    assert content(kept) == WAL


def test_a_file_has_its_name_when_it_is_on_disk_and_its_folder_follows(
    archive: Archive, kept: Path
) -> None:
    assert archive(WAL, sync='echo "$1" $(ls archive) >> log')
    part, folder = (kept.parent.parent / "log").read_text().splitlines()
    assert part == f"archive/{NAME}.part {NAME}.part"
    assert folder == f"archive {kept.name}"
