"""`manage.py import_berka DIRECTORY` imports the history of a real bank, row by row."""

import sys
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from banking.berka.booking import SealedDays, book
from banking.berka.comparison import comparison
from banking.berka.lines import UnreadableSource
from banking.berka.opening import ImportReport
from banking.berka.source import read


class Command(BaseCommand):
    help = "Imports the Berka bank data. Running it again adds only what is missing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "directory", type=Path, help="where trans.asc, account.asc, disp.asc, client.asc are"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        report = ImportReport()
        try:
            self._import(Path(options["directory"]), report)
        except (SealedDays, UnreadableSource) as error:
            raise CommandError(str(error)) from None
        except KeyboardInterrupt:
            self.stderr.write(
                f"Stopped after {report.imported:,} rows; run the command again to continue."
            )
            sys.exit(130)
        if report.refusals:
            sys.exit(1)

    def _import(self, directory: Path, report: ImportReport) -> None:
        started = time.monotonic()
        source = read(directory)
        # The bar is shown only if stderr is a terminal.
        with tqdm(total=source.row_count, unit=" rows", disable=None, file=sys.stderr) as bar:
            book(source, report, bar.update)
        self._print_report(report, time.monotonic() - started)
        for line in comparison(source):
            self.stdout.write(line)

    def _print_report(self, report: ImportReport, seconds: float) -> None:
        for refusal in sorted(report.refusals):
            self.stderr.write(str(refusal))
        rows = report.imported + report.skipped
        self.stdout.write(
            f"Opened {report.accounts:,} accounts for {report.users:,} new users. "
            f"Imported {report.imported:,} transactions, skipped {report.skipped:,} already in "
            f"the books, refused {len(report.refusals):,}. "
            f"{seconds:.1f} s, {rows / seconds:,.0f} rows per second."
        )
        if report.refusals:
            self.stderr.write(
                "Correct these lines and run the import again: it adds what is missing."
            )
