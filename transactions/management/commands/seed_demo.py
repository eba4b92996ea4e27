from datetime import date, datetime, time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from transactions.demo import seeding
from transactions.demo.seeding import SeedingCounts, SeedingError
from transactions.demo.sign_ins import PASSWORD, SIGN_INS


class Command(BaseCommand):
    help = (
        "Fills the database with a realistic bank that ends today. "
        "The same options on the same day create the same data."
    )
    requires_system_checks: tuple[str, ...] = ()  # the checks are only about pages

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--users", type=int, default=24, help="How many people (default 24).")
        parser.add_argument("--months", type=int, default=12, help="How many months (default 12).")
        parser.add_argument(
            "--seed", type=int, default=1, help="Another number creates another bank (default 1)."
        )
        parser.add_argument(
            "--today", type=date.fromisoformat, help="The day the history ends, as 2026-11-20."
        )
        parser.add_argument(
            "--force", action="store_true", help="Run although DEBUG is off. The password is known."
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if not settings.DEBUG and not options["force"]:
            raise CommandError(
                "DEBUG is off, so this may be a real bank, and the demo's password is known to "
                "everybody. Use --force if it is not."
            )
        try:
            made = seeding.seed(
                users=options["users"],
                months=options["months"],
                seed=options["seed"],
                now=_until(options["today"]),
                progress=self._progress if options["verbosity"] > 1 else lambda _booked: None,
            )
        except (SeedingError, LookupError) as error:
            raise CommandError(str(error)) from error
        if options["verbosity"] > 0:
            self._report(made)

    def _report(self, made: SeedingCounts) -> None:
        if not made.users:
            self.stdout.write("The demo data is in this database already; nothing was added.")
        else:
            self.stdout.write(
                f"Made {made.users:,} people with {made.accounts:,} accounts "
                f"and {made.transactions:,} transactions."
            )
        admin = [email for who, email in SIGN_INS.items() if who not in ("ana", "analyst")]
        self.stdout.write(
            f"Sign in as {SIGN_INS['ana']} (customer), {SIGN_INS['analyst']} (analyst), "
            f"{', '.join(admin)} (admin), "
            f"each with the password {PASSWORD}"
        )

    def _progress(self, booked: int) -> None:
        self.stdout.write(f"{booked:,} transactions booked")


def _until(today: date | None) -> datetime:
    """Returns the current time, or the end of the day `today` if that day is in the past. Raises
    CommandError for a day in the future.
    """
    now = timezone.now()
    if today is None or today == timezone.localdate(now):
        return now
    if today > timezone.localdate(now):
        raise CommandError(f"--today is today or a day before it; {today} is in the future.")
    return timezone.make_aware(datetime.combine(today, time.max))
