from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cookbook.practice.readiness import NoPracticeBank
from cookbook.reference import FOLDER, pages, stored_runs
from cookbook.runner import stored


class Command(BaseCommand):
    help = (
        "Regenerates docs/orm-to-sql.md and the pages in docs/orm-to-sql/, and the results that are"
        " shown where a recipe cannot run, from the recipes of the cookbook. Needs the embedded"
        " server."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        try:
            stored.write(stored_runs())
            written = list(pages())
        except NoPracticeBank as error:
            raise CommandError(str(error)) from error
        for old in FOLDER.glob("*.md"):
            old.unlink()
        for file, text in written:
            file.write_text(text)
        self.stdout.write(f"Wrote {len(written)} pages.")
