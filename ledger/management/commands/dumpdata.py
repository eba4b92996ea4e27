import warnings
from contextlib import nullcontext
from typing import Any

from django.core.management.commands.dumpdata import Command as DumpData
from django.core.management.commands.dumpdata import ProxyModelWarning

from ledger.backups.fixtures import LEFT_OUT, in_order, without_generated_columns
from ledger.db.snapshot import snapshot


class Command(DumpData):
    help = (
        "Writes the rows of a bank as a fixture, which `loaddata` takes into an empty one. For"
        " backups, `manage.py backup` is faster and complete."
    )

    def handle(self, *labels: str, **options: Any) -> None:
        """Django's own, without columns and views that Postgres computes, in an order that loads,
        and with one query for each table. All tables are read as they were at one instant: a
        payment between two of them would leave books that `loaddata` refuses.
        """
        options["exclude"] = [*options["exclude"], *LEFT_OUT]
        options["use_base_manager"] = True
        instant = snapshot() if options["database"] == "default" else nullcontext()
        with instant, without_generated_columns(), warnings.catch_warnings():
            warnings.simplefilter("ignore", ProxyModelWarning)  # their rows are another model's
            super().handle(*(labels or in_order()), **options)
