from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cookbook.practice.readiness import NoPracticeBank
from cookbook.reference import FILE, page


class Command(BaseCommand):
    help = "Regenerates docs/orm-to-sql.md from the recipes of the cookbook."

    def handle(self, *_args: Any, **_options: Any) -> None:
        try:
            text = page()
        except NoPracticeBank as error:
            raise CommandError(str(error)) from error
        FILE.write_text(text)
        self.stdout.write(f"Wrote {FILE.name}, {len(text):,} characters.")
