from typing import Any

from banking.alerts.sending import send_due
from banking.alerts.upcoming import write_upcoming_alerts
from ledger.jobs.command import JobCommand
from ledger.text.lines import counted


class Command(JobCommand):
    job = "send_alerts"
    help = "Writes alerts of the days to come, and sends mails. Safe to run twice and in parallel."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            written = write_upcoming_alerts()
        finally:
            mails = send_due()  # sends the alerts that were written, even if others failed
        self.stdout.write(
            f"Wrote {counted(written, 'alert')}, sent {counted(mails.sent, 'mail')};"
            f" {mails.waiting:,} are tried again."
        )
