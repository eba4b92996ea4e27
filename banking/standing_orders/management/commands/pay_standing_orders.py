from typing import Any

from banking.standing_orders.paying import pay_due
from ledger.jobs.command import JobCommand


class Command(JobCommand):
    job = "pay_standing_orders"
    help = "Pays the standing orders that are due. Safe to run twice and in parallel."

    def handle(self, *args: Any, **options: Any) -> None:
        counts = pay_due()
        self.stdout.write(
            f"Paid {_many(counts.paid)}; refused {counts.waiting:,} that are tried again, and"
            f" {counts.refused:,} permanently."
        )


def _many(count: int) -> str:
    return f"{count:,} {'payment' if count == 1 else 'payments'}"
