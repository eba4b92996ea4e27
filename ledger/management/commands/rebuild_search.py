"""Computes the words of all stored texts again: see docs/migrations.md."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader

from ledger.db.migrating.search_columns import rebuild_search


class Command(BaseCommand):
    help = (
        "Compute the words of all payments, names and notes again, for example after a new major"
        " version of Postgres. Stop all processes of the bank first."
    )

    def handle(self, **_options: Any) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            rebuild_search(cursor, MigrationLoader(connection).project_state())
        call_command("migrate", verbosity=0)  # also writes table rights and policies
        self.stdout.write("The search has the words of all texts again.")
