"""Back to any moment, by the commands of docs/backups.md: base backup, archive of WAL, a target."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings

from ledger.db.server.embedded import MAJOR
from ledger.embedded import placement, postmaster, roles
from ledger.embedded.placement import Placement
from ledger.embedded.removal import delete_everything
from ledger.embedded.server import EmbeddedServer
from tests.console import blocks_of, configuration_of, missing_line
from tests.ledger.own_bank import OwnBank, copy_bank_into, load
from tests.ledger.processes import LONG, manage, reachable_folder, wait_until
from tests.ledger.servers import query

PAGE = "docs/backups.md"
OF_THE_PAGE = "recovery_target_time='2026-11-20 09:30:00+00'"


class Shell:
    """Runs the blocks of the page as the OS user of the server, in folders of the test."""

    def __init__(self, place: Placement, folder: Path) -> None:
        self.place = place
        self.folders = {"/base": folder / "base", "/archive": folder / "archive"}
        for each in self.folders.values():
            place.own(each)

    def here(self, text: str, restored: Path | None = None) -> str:
        """The page's text with the folders of this test."""
        places = self.folders.copy()
        if restored:
            places["/var/lib/postgresql/18/restored"] = restored
        for name, path in places.items():
            text = text.replace(name, str(path))
        return text

    def run(self, where: str, restored: Path | None = None, target: str = OF_THE_PAGE) -> None:
        """Runs the page's blocks of this name, with another target of the recovery."""
        (block,) = (block for block in blocks_of(PAGE) if block.where == where)
        for step in block.steps:
            command = self.here(step.command.replace(OF_THE_PAGE, target), restored)
            done = subprocess.run(
                ["bash", "-euc", command],
                env={
                    "PATH": f"{self.place.binaries}{os.pathsep}{os.defpath}",
                    "PGHOST": str(self.place.socket_dir),
                    "PGUSER": "postgres",
                },
                cwd="/",
                capture_output=True,
                text=True,
                timeout=LONG,
                check=False,
                **placement.as_user(self.place.os_user),
            )
            assert done.returncode == 0, f"{command}: {done.stderr}"
            assert not missing_line(step, done.stdout + done.stderr), done.stdout


@dataclass
class Lost:
    """A bank whose server is gone: its base backup, its archive, and what was booked when."""

    shell: Shell
    folder: Path
    moment: str
    before: set[str]
    seals: str


@pytest.fixture(scope="module")
def lost() -> Iterator[Lost]:
    with reachable_folder() as folder:
        # Without a space: archive_command and the page's commands do not quote their folders.
        plain = folder.rename(folder.with_name(folder.name.replace(" ", "-")))
        try:
            yield lose(plain)
        finally:
            for data_dir in (plain / "data", plain / "restored"):
                delete_everything(data_dir)
            subprocess.run(["rm", "-rf", plain], check=True)


def lose(folder: Path) -> Lost:
    copy_bank_into(folder / "data")
    bank = OwnBank(folder / "data")
    bank.manage("seed_demo", "--force")
    bank.manage("seal_ledger")
    place = placement.prepare(bank.data_dir)
    shell = Shell(place, folder)
    with (place.data / "postgresql.conf").open("a") as file:
        file.write(shell.here(configuration_of(PAGE, "archive")))
    bank.database.stop()
    bank.database.ensure_started()

    with load(bank, 2) as paying:
        shell.run("base")  # while people pay
        paying.wait_for(10)
    before = set(bank.transfers())
    moment = query(bank.database, "SELECT clock_timestamp()")
    shell.run("mark")
    with load(bank, 1) as paying:
        paying.wait_for(10)
    assert set(bank.transfers()) > before
    seals = query(bank.database, "SELECT string_agg(encode(digest, 'hex'), ' ') FROM seals")
    archive(bank)
    bank.database.stop()
    return Lost(shell, folder, moment, before, seals)


def archive(bank: OwnBank) -> None:
    """Waits until all WAL so far is in the archive, as it is after archive_timeout."""
    found = postmaster.read(bank.database.data)
    assert found is not None
    with roles.as_superuser(found, "postgres") as server:
        (name,) = server.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone() or ("",)
        archived = "SELECT last_archived_wal >= %s FROM pg_stat_archiver"
        wait_until(lambda: server.execute(archived, [name]).fetchone() == (True,))


@pytest.mark.parametrize("target", ["time", "name"])
def test_a_bank_comes_back_as_it_was_at_a_moment(lost: Lost, target: str) -> None:
    there = {
        "time": f"recovery_target_time='{lost.moment}'",
        "name": "recovery_target_name='before the import'",
    }
    data_dir = lost.folder / "restored"  # the same for both: the commands can be run again
    lost.shell.place.own(data_dir)

    restored = data_dir / f"pg{MAJOR}"
    lost.shell.run("restore", restored, there[target])

    copied = (restored / "postgresql.auto.conf").read_text()  # by pg_basebackup, for a standby
    assert "recovery_target" not in copied
    assert "hot_standby" not in copied

    shell = ("shell", "-v", "0", "-c")
    transfers = "print(*Transaction.objects.filter(type='transfer').values_list('pk', flat=True))"
    assert set(manage(data_dir, *shell, transfers).stdout.split()) == lost.before
    seals = "print(*(bytes(seal.digest).hex() for seal in Seal.objects.all()))"
    found = manage(data_dir, *shell, seals).stdout.split()
    assert sorted(found) == sorted(lost.seals.split()) != []
    assert "clean" in manage(data_dir, "audit_ledger").stdout
    EmbeddedServer(data_dir).stop()  # the next one has the same socket


def test_the_page_takes_a_name_in_place_of_the_time() -> None:
    text = (settings.BASE_DIR / PAGE).read_text()
    assert OF_THE_PAGE in text
    assert "`recovery_target_name='before the import'`" in text
