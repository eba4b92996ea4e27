"""Django's command `check`. Without options, it also checks the extensions and the time zone of the
database. With `--database`, it also checks whether the database can be reached.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.checks.registry import registry
from django.core.management.base import CommandError
from django.core.management.commands.check import Command as Check

from ledger.checks.database import check_reachable, check_running_database

CHOOSING = ("tags", "databases", "deploy", "list_tags")  # options that select checks


class Command(Check):
    def handle(self, *app_labels: Any, **options: Any) -> None:
        if not (app_labels or any(options[name] for name in CHOOSING)):
            with _registered(check_running_database):
                return super().handle(*app_labels, **options)
        connects = options["databases"] and not options["deploy"]  # --deploy connects itself
        try:
            with _registered(*([check_reachable] if connects else [])):
                return super().handle(*app_labels, **options)
        except LookupError as error:  # the app is not installed
            raise CommandError(str(error)) from error


@contextmanager
def _registered(*checks: Callable[..., Any]) -> Iterator[None]:
    """Registers checks only for the time of the block, so that other commands do not run them."""
    for check in checks:
        registry.register(check)
    try:
        yield
    finally:
        registry.registered_checks.difference_update(checks)
