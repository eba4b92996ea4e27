import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from ledger.backups import files
from ledger.backups.proof import NotProved, ProofPlace, place_of_proof
from ledger.jobs.command import JobCommand
from ledger.jobs.schedule import BACKUP
from ledger.text.lines import counted


class Command(JobCommand):
    job = BACKUP.name
    help = (
        "Writes the whole bank into FILE by pg_dump while it works on, and FILE.manifest beside it,"
        " by which `manage.py restore` knows a damaged file."
    )
    place: ProofPlace

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument(
            "--prove",
            action="store_true",
            help="Restore it into an embedded server, or where none is installed into a second"
            " database, audit that, and delete it again.",
        )

    def execute(self, *arguments: Any, **options: Any) -> str | None:
        """Looks at the file's place, and makes that of the proof, first: without them nothing is
        written, and no run is recorded as failed.
        """
        try:
            files.check_free(options["file"])
        except files.BackupRefused as refusal:
            raise CommandError(str(refusal)) from None
        if not options["prove"]:
            return super().execute(*arguments, **options)
        try:
            with place_of_proof() as self.place:
                return super().execute(*arguments, **options)
        except NotProved as refusal:
            raise CommandError(str(refusal)) from None

    def handle(self, *, file: Path, prove: bool, **_options: Any) -> None:
        try:
            manifest = files.write(file)
        except files.BackupRefused as refusal:
            raise CommandError(str(refusal)) from None
        size = file.stat().st_size
        self.stdout.write(
            f"{file}: {counted(manifest.transactions, 'transaction')}, {size:,} bytes."
        )
        if prove:
            self.stdout.write(self.place.prove(file))
