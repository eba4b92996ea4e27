import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from transactions.audit import audit


class Command(BaseCommand):
    help = "Proves the books from the rows alone; exits 1 naming the first bad account and row."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print the result as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        result = audit()
        if options["json"]:
            self.stdout.write(json.dumps(result.as_dict()))
        elif result.clean:
            self.stdout.write(
                f"The books are clean: {result.transactions:,} transactions "
                f"on {result.accounts:,} accounts."
            )
        for finding in [] if options["json"] else result.findings:
            self.stderr.write(str(finding))
        if not result.clean:
            raise SystemExit(1)
