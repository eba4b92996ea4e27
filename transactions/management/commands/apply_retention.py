"""Deletes records of how people used the bank, such as sign-ins, after their retention period."""

from typing import Any

from ledger.jobs.command import JobCommand
from transactions.privacy.retention import apply_retention


class Command(JobCommand):
    job = "apply_retention"
    help = "Delete sign-ins older than LEDGER_KEEP_SIGN_INS_DAYS, and sessions that are over."

    def handle(self, **_options: Any) -> None:
        for what, count in apply_retention().items():
            self.stdout.write(f"{count:,} {what} deleted.")
