"""Writes the table in docs/schema.md. It lists what the constraints and triggers of each database
table refuse.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from ledger.db.table_rules import RULES

FILE: Path = settings.BASE_DIR / "docs" / "schema.md"
HEAD = "| table | rule | refuses |\n|---|---|---|\n"


def page() -> str:
    """Returns the page in Markdown. Copies the text before and after the table from the file."""
    before, head, after = FILE.read_text().partition(HEAD)
    return "".join([before, head, *rows(), "\n", after.partition("\n\n")[2]])


def rows() -> Iterator[str]:
    """Yields the lines of the Markdown table. The first line about each database table contains its
    name.
    """
    for table, rules in RULES.items():
        cell = f" `{table}` "
        for rule in rules:
            yield f"|{cell}| {rule.names} | {rule.refuses} |\n"
            cell = " "


class Command(BaseCommand):
    """The command `manage.py write_schema`."""

    help = "Writes the table of docs/schema.md from what apps register; a test compares the two."

    def handle(self, *args: Any, **options: Any) -> None:
        """Writes docs/schema.md."""
        FILE.write_text(page())
        self.stdout.write(f"Written: {FILE}.")
