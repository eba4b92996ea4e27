from typing import Any

from django.core.management.base import BaseCommand

from transactions.services import expire_holds


class Command(BaseCommand):
    help = "Releases every expired hold. Safe to run twice and in parallel."

    def handle(self, *args: Any, **options: Any) -> None:
        count = expire_holds()
        self.stdout.write(f"Released {count:,} {'hold' if count == 1 else 'holds'}.")
