"""Django's command `check`. Without options, it also checks the extensions and the time zone of the
database.
"""

from typing import Any

from django.core.checks.registry import registry
from django.core.management.base import CommandError
from django.core.management.commands.check import Command as Check

from ledger.checks.database import check_running_database

CHOOSING = ("tags", "databases", "deploy", "list_tags")  # options that select checks


class Command(Check):
    def handle(self, *app_labels: Any, **options: Any) -> None:
        if app_labels or any(options[name] for name in CHOOSING):
            try:
                return super().handle(*app_labels, **options)
            except LookupError as error:  # the app is not installed
                raise CommandError(str(error)) from error
        registry.register(check_running_database)
        try:
            super().handle(*app_labels, **options)
        finally:
            registry.registered_checks.discard(check_running_database)
