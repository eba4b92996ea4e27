"""`manage.py post_file FILE.csv --from NUMBER` pays every line of a CSV file from one account."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from accounts.models import Account
from accounts.numbers import clean_account_number
from banking.payment_files.booking import BookingStopped, LinesRefused, book_rest, book_whole
from banking.payment_files.models import PaymentFile, PaymentLine
from banking.payment_files.parser import UnreadableFile
from banking.payment_files.preview import check
from banking.payment_files.results import result_lines
from banking.payment_files.storage import PART, FileRemoved, discard, store
from banking.payment_files.wording import doubts_of, payments
from ledger.text.dates import long_date
from ledger.text.money import figure
from ledger.tracing import spans
from transactions.exceptions import LedgerError, TooManyTogether
from transactions.services import MAX_TOGETHER


class Command(BaseCommand):
    help = (
        "Pays every line of a CSV file (to, name, amount, description, reference) from one "
        "account. Running it again books only what is not booked yet. Exits 1 where lines were "
        "refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE.csv")
        parser.add_argument(
            "--from", dest="sender", required=True, metavar="NUMBER", help="The account that pays."
        )
        how = parser.add_mutually_exclusive_group()
        how.add_argument(
            "--all-or-nothing",
            action="store_true",
            help=f"One transaction of up to {MAX_TOGETHER:,} lines: if a line is refused, nothing "
            "moves. This is the default.",
        )
        how.add_argument(
            "--what-can-be-booked",
            action="store_true",
            help=f"Books each line separately, in steps of {MAX_TOGETHER:,}; skips refused lines.",
        )
        parser.add_argument("--dry-run", action="store_true", help="Check only; keep nothing.")
        parser.add_argument(
            "--run",
            default="",
            metavar="LABEL",
            help="Another label, like 2026-12, pays the same file again.",
        )
        parser.add_argument(
            "--output", type=Path, metavar="RESULT.csv", help="Write the result of each line."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with spans.begin("command post_file"):
                self._pay(options)
        except FileRemoved as gone:
            raise CommandError(str(gone)) from None

    def _pay(self, options: dict[str, Any]) -> None:
        self._try(options["output"])
        file = self._stored(options)
        was_new = file.state == PaymentFile.State.STORED
        if was_new and not options["run"]:
            self._refuse_what_was_paid(file)
        if file.state != PaymentFile.State.PAYING:
            file = self._checked(file)
        if not options["dry_run"]:
            file = self._booked(file, whole=not options["what_can_be_booked"])
        self._print_results(file, options["output"])
        refused = file.refused_count
        if options["dry_run"] and was_new:
            discard(file)
        if refused or (not options["dry_run"] and file.waiting_count):
            sys.exit(1)

    def _stored(self, options: dict[str, Any]) -> PaymentFile:
        path: Path = options["file"]
        try:
            number = clean_account_number(options["sender"])
            account = Account.objects.get(number=number)
            with path.open("rb") as source:
                return store(source, name=path.name, from_account=account, run=options["run"])
        except Account.DoesNotExist:
            raise CommandError(f"No account at this bank has the number {number}.") from None
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
        except (ValueError, UnreadableFile) as error:
            raise CommandError(str(error)) from None

    def _try(self, output: Path | None) -> None:
        """Raises CommandError if the file for the results (`output`) cannot be written. Must be
        called before the booking.
        """
        try:
            if output is not None:
                output.open("a").close()
        except OSError as error:
            raise CommandError(f"{output} cannot be written: {error.strerror}.") from None

    def _refuse_what_was_paid(self, file: PaymentFile) -> None:
        """Raises CommandError if another file with the same lines was paid before. With the option
        `--run`, the same lines can be paid again.
        """
        same = PaymentFile.objects.same_as(file).newest_first().first()
        if same is not None:
            discard(file)
            paid = f"{same.name} of {long_date(same.created_at)}"
            raise CommandError(
                f"The same lines were paid before, by {paid}. Nothing was booked. To pay them "
                "again, use a label: --run LABEL."
            )

    def _checked(self, file: PaymentFile) -> PaymentFile:
        unpaid = file.line_count - file.booked_count
        with self._bar(unpaid, "Checking") as bar:
            file = check(file, bar.update)
        total = figure(file.waiting_total, file.currency)
        self.stdout.write(
            f"{payments(file.line_count)}: {file.booked_count:,} booked before, "
            f"{file.waiting_count:,} can be booked ({total} {file.currency}), "
            f"{file.refused_count:,} cannot."
        )
        if doubts := doubts_of(file):
            self.stderr.write(f"{doubts} The file of --output has these lines in its column note.")
        return file

    def _booked(self, file: PaymentFile, *, whole: bool) -> PaymentFile:
        before, at_least = file.booked_count, ""
        try:
            with self._bar(file.waiting_count, "Booking") as bar:
                file = (book_whole if whole else book_rest)(file, bar.update)
        except LinesRefused:
            self.stderr.write("Nothing was booked.")  # the reason is printed later, with the line
        except BookingStopped as stopped:
            self.stderr.write(f"{stopped} ({stopped.__cause__})")
            file, at_least = stopped.file, "at least "
        except TooManyTogether as refusal:
            self.stderr.write(f"{refusal} Use the option --what-can-be-booked.")
        except LedgerError as refusal:
            self.stderr.write(str(refusal))
        except KeyboardInterrupt:
            self.stderr.write(
                "Stopped. Run the command again to continue. No line is booked twice."
            )
            sys.exit(130)
        self.stdout.write(f"Booked {at_least}{payments(file.booked_count - before)}.")
        return file

    def _print_results(self, file: PaymentFile, output: Path | None) -> None:
        refused = PaymentLine.objects.of(file).refused().in_order()
        for line in refused.iterator(chunk_size=PART):
            self.stderr.write(f"line {line.number}: {line.verdict}")
        if output is not None:
            with output.open("w", encoding="utf-8", newline="") as target:
                target.writelines(result_lines(file))

    def _bar(self, total: int, words: str) -> tqdm:
        """Returns a progress bar, which is shown only if stderr is a terminal."""
        return tqdm(total=total, desc=words, unit=" lines", disable=None, file=sys.stderr)
