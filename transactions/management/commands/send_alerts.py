from typing import Any

from ledger.jobs.command import JobCommand
from ledger.text.lines import counted
from transactions.alerts.telling import tell_of_coming


class Command(JobCommand):
    job = "send_alerts"
    help = "Writes the alerts of the days to come. Safe to run twice and in parallel."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"Wrote {counted(tell_of_coming(), 'alert')}.")
