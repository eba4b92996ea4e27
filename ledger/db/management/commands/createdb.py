"""Creates the database that the settings name, as the embedded server creates its own."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError, connection

from ledger.db.creation import create_database

EXISTS, NO_RIGHT = "42P04", "42501"


class Command(BaseCommand):
    help = "Create the database of the settings, empty, on a server of your own."
    requires_system_checks: list[str] = []

    def handle(self, **_options: Any) -> None:
        name = connection.settings_dict["NAME"]
        try:
            create_database(connection, name)
        except ProgrammingError as error:
            code = getattr(error.__cause__, "sqlstate", None)
            if code == EXISTS:
                raise CommandError(f"The database {name} exists; nothing was changed.") from error
            if code == NO_RIGHT:
                raise CommandError(
                    f"The role {connection.settings_dict['USER']} may not create databases: a"
                    f" superuser gives the right by ALTER ROLE ... CREATEDB, or creates {name}"
                    " (docs/rights.md)."
                ) from error
            raise
        self.stdout.write(f"Created the database {name}; manage.py prepare makes its tables.")
