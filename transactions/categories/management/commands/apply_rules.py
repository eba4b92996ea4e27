from typing import Any

from ledger.jobs.command import JobCommand
from ledger.text.lines import counted
from transactions.categories.new_payments import apply_rules


class Command(JobCommand):
    job = "apply_rules"
    help = "Assigns categories to new payments by their owners' rules. Safe to run twice."

    def handle(self, *args: Any, **options: Any) -> None:
        count = apply_rules()
        self.stdout.write(f"Set the category of {counted(count, 'payment')}.")
