from typing import Any

from ledger.jobs.command import JobCommand
from transactions.services import expire_holds


class Command(JobCommand):
    job = "expire_holds"
    help = "Releases every expired hold. Safe to run twice and in parallel."

    def handle(self, *args: Any, **options: Any) -> None:
        count = expire_holds()
        self.stdout.write(f"Released {count:,} {'hold' if count == 1 else 'holds'}.")
