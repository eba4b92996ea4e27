from typing import Any

from django.contrib.auth.management.commands import createsuperuser
from django.core.management.base import CommandError, CommandParser

BY_ADDRESS = "People sign in by their e-mail address. Use --email (or DJANGO_SUPERUSER_EMAIL)."


class Command(createsuperuser.Command):
    """Django's own, which also says what replaces a username, and takes no weak password."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--username", help="Refused: use --email.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options.pop("username") is not None:
            raise CommandError(BY_ADDRESS)
        createsuperuser.input = _input  # type: ignore[attr-defined]
        super().handle(*args, **options)


def _input(question: str) -> str:
    """Asks, unless the question is whether to take a weak password, which would be refused."""
    return "n" if question.startswith("Bypass password validation") else input(question)
