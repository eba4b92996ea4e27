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
        "Writes the whole bank into FILE by pg_dump while the bank is in use, and also writes"
        " FILE.manifest, by which `manage.py restore` detects a damaged file."
    )
    place: ProofPlace

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument(
            "--prove",
            action="store_true",
            help="Restore the backup into an embedded server, or into a second database if none is"
            " installed, audit that copy, and delete it.",
        )

    def execute(self, *arguments: Any, **options: Any) -> str | None:
        """Checks that the backup can be written, prepares an empty server or database for --prove,
        and then runs the command. If the check or the preparation fails, nothing is written and the
        run is not recorded as failed.
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
