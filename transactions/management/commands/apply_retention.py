"""Deletes records of use once their keeping time is over."""

from typing import Any

from django.core.management.base import BaseCommand

from transactions.privacy.retention import apply_retention


class Command(BaseCommand):
    help = "Delete sign-ins older than LEDGER_KEEP_SIGN_INS_DAYS, and sessions that are over."

    def handle(self, **_options: Any) -> None:
        for what, count in apply_retention().items():
            self.stdout.write(f"{count:,} {what} deleted.")
