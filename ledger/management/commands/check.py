"""Django's `check`; without options also extensions and time zone, if the database answers."""

from typing import Any

from django.core.checks import register
from django.core.management.commands.check import Command as Check

from ledger.checks.database import check_running_database

CHOOSING = ("tags", "databases", "deploy", "list_tags")  # options


class Command(Check):
    def handle(self, *app_labels: Any, **options: Any) -> None:
        if not (app_labels or any(options[name] for name in CHOOSING)):
            register(check_running_database)
        super().handle(*app_labels, **options)
