"""`manage.py announce_restore` sends an event to all webhooks. This event informs the receivers
that the bank was restored from a backup.
"""

from typing import Any

from django.core.management.base import BaseCommand

from banking.events.restores import announce_restore
from ledger.text.lines import counted


class Command(BaseCommand):
    help = (
        "Announce to webhooks that the database was restored to an earlier moment, before anybody"
        " works in it. `restore` and deploy/server/back-to do so themselves."
    )
    runs_unattended = True
    requires_system_checks: list[str] = []

    def handle(self, **_options: Any) -> None:
        count = announce_restore()
        self.stdout.write(f"The restore is announced for {counted(count, 'account')}.")
