from typing import Any

from ledger.jobs.command import JobCommand
from ledger.text.lines import counted
from transactions.categories.new_payments import apply_rules


class Command(JobCommand):
    job = "apply_rules"
    help = "Gives new payments the categories of their owners' rules. Safe to run twice."

    def handle(self, *args: Any, **options: Any) -> None:
        count = apply_rules()
        self.stdout.write(f"Gave {counted(count, 'payment')} a category.")
