import os
import re
from typing import Any

from django.contrib.auth.management.commands import createsuperuser
from django.core.management.base import CommandError, CommandParser

from ledger.db.outages.refused_logins import is_web_login, not_by_this_login

BY_ADDRESS = "People sign in by their e-mail address. Use --email (or DJANGO_SUPERUSER_EMAIL)."

MISSING = re.compile(r"You must use --(\w+)")


class Command(createsuperuser.Command):
    """Django's command `createsuperuser`, which here refuses weak passwords. It also refuses
    --username, with the message that people sign in by email address.
    """

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--username", help="Refused: use --email.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options.pop("username") is not None:
            raise CommandError(BY_ADDRESS)
        email = options["email"] or os.environ.get("DJANGO_SUPERUSER_EMAIL")
        if not options["interactive"] and os.environ.get("DJANGO_SUPERUSER_USERNAME") and not email:
            raise CommandError(BY_ADDRESS)
        if is_web_login():  # a trigger would refuse this later, and would advise this command
            raise CommandError(not_by_this_login())
        createsuperuser.input = _input  # type: ignore[attr-defined]
        try:
            super().handle(*args, **options)
        except CommandError as error:
            if name := MISSING.match(str(error)):
                raise CommandError(f"{error} Or set DJANGO_SUPERUSER_{name[1].upper()}.") from None
            # Django joins the reasons, which are sentences, by semicolons.
            raise CommandError(str(error).replace(".; ", ". ")) from None


def _input(question: str) -> str:
    """Returns the user's answer to a question. Returns "n" without asking if the question is
    whether to accept a weak password.
    """
    return "n" if question.startswith("Bypass password validation") else input(question)
