import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from ledger.backups import files
from ledger.backups.proof import NotProved, prove_elsewhere
from ledger.jobs.command import JobCommand
from ledger.jobs.schedule import BACKUP
from ledger.text.lines import counted


class Command(JobCommand):
    job = BACKUP.name
    help = (
        "Writes the whole bank into FILE by pg_dump while it works on, and FILE.manifest beside it,"
        " by which `manage.py restore` knows a damaged file."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument(
            "--prove",
            action="store_true",
            help="Restore it into an embedded server that is deleted again, and audit that.",
        )

    def handle(self, *, file: Path, prove: bool, **_options: Any) -> None:
        try:
            manifest = files.write(file)
            size = file.stat().st_size
            self.stdout.write(
                f"{file}: {counted(manifest.transactions, 'transaction')}, {size:,} bytes."
            )
            if prove:
                self.stdout.write(prove_elsewhere(file))
        except (files.BackupRefused, NotProved) as refusal:
            raise CommandError(str(refusal)) from None
