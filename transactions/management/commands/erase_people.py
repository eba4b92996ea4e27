"""Erases the names and addresses of people who left the bank, after the retention period."""

import argparse
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from ledger.jobs.apart import apart
from ledger.jobs.command import JobCommand
from transactions.privacy.erasure import due_before, erase


class Command(JobCommand):
    job, partial = "erase_people", ("dry_run",)
    help = (
        "Erase names, addresses, ways to sign in and notes of people whose sign-in was closed more "
        "than LEDGER_KEEP_PEOPLE_DAYS ago and who have no open account. The books stay."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only list who is due")

    def handle(self, *, dry_run: bool, **_options: Any) -> None:
        kept_since = timezone.now() - timedelta(days=settings.LEDGER_KEEP_PEOPLE_DAYS)
        what, count = "due" if dry_run else "erased", 0
        with apart("Erasure of person") as person_apart:
            for person in list(due_before(kept_since)):
                with person_apart(person.pk):
                    if dry_run or erase(person):
                        count += 1
                        self.stdout.write(f"{what}: {person.pk}")
            self.stdout.write(f"{count} {what}.")
