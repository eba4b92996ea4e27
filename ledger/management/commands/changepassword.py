from typing import Any

from django.contrib.auth.management.commands import changepassword
from django.core.management.base import CommandError


class Command(changepassword.Command):
    """Django's command `changepassword`. Its argument is the user's email address, in upper or
    lower case.
    """

    help = "Set the password of a person, named by the e-mail address."

    def handle(self, *args: Any, **options: Any) -> str | None:
        address = (options["username"] or "").lower()
        if "@" not in address:
            raise CommandError("Name the e-mail address that the person signs in with.")
        return super().handle(*args, **{**options, "username": address})
