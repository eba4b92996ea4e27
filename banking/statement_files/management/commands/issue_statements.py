from typing import Any

from banking.statement_files.issuing import issue_due
from ledger.jobs.command import JobCommand
from ledger.text.lines import counted


class Command(JobCommand):
    job = "issue_statements"
    help = (
        "Issues the numbered statements of all accounts for the months that seals cover. Safe to"
        " run twice and in parallel."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"Issued {counted(issue_due(), 'statement')}.")
