"""Creates the roles of docs/rights.md on a database server that the bank manages."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError, connection

from ledger.db.rights.role_setup import BankRoles, NoSuchLogin, set_up

NO_RIGHT = "42501"


class Command(BaseCommand):
    help = (
        "Make the roles owner, web, worker, auditor and explorer on a server of your own, and the"
        " database of the settings, which belongs to the owner. Run it with the login of an"
        " administrator."
        " Safe to run twice."
    )
    runs_unattended = True
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--owner", default="ledger", help="the role that owns the tables")
        parser.add_argument(
            "--iam", action="store_true", help="the roles sign in by tokens of IAM (RDS, Aurora)"
        )

    def handle(self, *, owner: str, iam: bool, **_options: Any) -> None:
        """Creates the roles. Raises CommandError for the embedded server, and if the login may not
        create roles.
        """
        if settings.LEDGER_EMBEDDED:
            raise CommandError(
                "The embedded server creates its roles itself. Name another server with DB_NAME."
            )
        roles = BankRoles(
            owner,
            settings.LEDGER_WEB_ROLE,
            settings.LEDGER_WORKER_ROLE,
            settings.LEDGER_AUDITOR_ROLE,
            settings.LEDGER_EXPLORER_ROLE,
        )
        try:
            for line in set_up(connection, roles, timeouts=settings.LEDGER_TIMEOUTS, iam=iam):
                self.stdout.write(line)
        except NoSuchLogin as refusal:
            raise CommandError(f"Nothing was changed: {refusal}.") from None
        except ProgrammingError as error:
            if getattr(error.__cause__, "sqlstate", None) != NO_RIGHT:
                raise
            raise CommandError(
                "This login may not create roles. Use the login of an administrator, who may"
                " create roles and databases (docs/rights.md)."
            ) from error
        self.stdout.write(
            f"The roles are {', '.join(roles.logins)}. As {roles.owner}, now run manage.py prepare,"
            " or manage.py restore for a backup."
        )
