"""`manage.py shell`: also imports models, services, reports and recipes, and prints example
lines.
"""

import sys
from typing import Any

from django.core.management.commands import shell

from cookbook.shell import BANNER
from transactions import reports

EXPRESSIONS = (
    "Avg Case Count Exists F FilteredRelation Max Min OuterRef Prefetch Q Subquery Sum Value When "
    "Window"
).split()
SERVICES = (
    "transfer deposit withdraw hold capture void reverse preview book post_batch expire_holds Draft"
).split()
ACCOUNT_CARE = "open_account change_account freeze_account unfreeze_account close_account".split()
NAMES = (
    "transactions.services",
    *(f"transactions.services.{name}" for name in SERVICES),
    *(f"accounts.services.{name}" for name in ACCOUNT_CARE),
    "transactions.scope.scope_for",
    "cookbook.shell.cook",
    "cookbook.shell.recipes",
    "ledger.db.ids.uuid7",
    "decimal.Decimal",
    "datetime.date",
    "datetime.datetime",
    "django.db.connection",
    *(f"django.db.models.{name}" for name in EXPRESSIONS),
)


class Command(shell.Command):
    def get_auto_imports(self) -> list[str]:
        """Returns the paths of the names to import. Excludes the practice bank's models, because
        only recipes can use them.
        """
        models = [path for path in super().get_auto_imports() or [] if "cookbook" not in path]
        return [*models, *NAMES]

    def get_namespace(self, **options: Any) -> dict[str, Any]:
        """Returns the names that are defined in the shell. Prints a banner if the shell is
        interactive.
        """
        namespace: dict[str, Any] = super().get_namespace(**options)
        if namespace:
            namespace["reports"] = reports
        if options["verbosity"] and not options["command"] and sys.stdin.isatty():
            self.stdout.write(BANNER)
        return namespace
