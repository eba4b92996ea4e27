from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cookbook.practice.readiness import NoPracticeBank
from cookbook.reference import FILE, page, stored_runs
from cookbook.runner import stored


class Command(BaseCommand):
    help = (
        "Regenerates docs/orm-to-sql.md, and the results that are shown where a recipe cannot run,"
        " from the recipes of the cookbook. Needs the embedded server."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        try:
            stored.write(stored_runs())
            text = page()
        except NoPracticeBank as error:
            raise CommandError(str(error)) from error
        FILE.write_text(text)
        self.stdout.write(f"Wrote {FILE.name}, {len(text):,} characters.")
