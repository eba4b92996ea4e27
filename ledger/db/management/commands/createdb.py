"""Creates the database in the settings. For the embedded server this is not needed, because it
creates its database itself.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import ProgrammingError, connection

from ledger.db.server.creation import create_database, how_to_start_over

EXISTS, NO_RIGHT = "42P04", "42501"
# This text is also printed before an error about the arguments.
USAGE = (
    "%(prog)s [name]\nCreates the database that DATABASE_URL or DB_NAME names, on its host. Takes"
    " no options of Postgres's createdb."
)


class Command(BaseCommand):
    help = "Create the database of the settings, empty, on a server of your own."
    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(prog_name, subcommand, **{"usage": USAGE, **kwargs})

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", help="the name of the database, as in the settings")

    def handle(self, *, name: str | None = None, **_options: Any) -> None:
        requested, name = name, connection.settings_dict["NAME"]
        if requested not in (None, name):
            raise CommandError(
                f"The settings name the database {name}, not {requested}. To create {requested}"
                " on your server, put it into DATABASE_URL or DB_NAME, and run createdb again."
            )
        try:
            create_database(connection, name)
        except ProgrammingError as error:
            code = getattr(error.__cause__, "sqlstate", None)
            if code == EXISTS:
                raise CommandError(
                    f"The database {name} exists; nothing was changed. manage.py prepare creates"
                    f" the missing tables. {how_to_start_over()}"
                ) from error
            if code == NO_RIGHT:
                raise CommandError(
                    f"The role {connection.settings_dict['USER']} may not create databases. A"
                    " superuser must grant the right with ALTER ROLE ... CREATEDB, or create"
                    f" {name}"
                    " (docs/rights.md)."
                ) from error
            raise
        self.stdout.write(f"Created the database {name}; manage.py prepare creates its tables.")
