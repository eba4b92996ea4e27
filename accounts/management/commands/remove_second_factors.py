"""Removes the second factors of a person who has lost them and the recovery codes."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from accounts.management.people import signing_in_with
from accounts.sign_in.removal import remove_second_factors
from ledger.text.lines import counted


class Command(BaseCommand):
    help = (
        "Remove all passkeys, the authenticator app and the recovery codes of a person who has lost"
        " them, end their sessions, and notify them by mail. First verify the identity of the"
        " person who requests it; a mail is not enough."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", help="the address with which the person signs in")

    def handle(self, *, email: str, **_options: Any) -> None:
        person = signing_in_with(email)
        count = remove_second_factors(user=person)
        if not count:
            self.stdout.write(f"{person} has no second factor. Nothing was changed.")
            return
        self.stdout.write(
            f"Removed {counted(count, 'factor')} of {person} and ended all sessions. "
            f"A mail about it is sent to {person.email}; if this fails, the log contains an error."
        )
        person.refresh_from_db()
        if not person.has_usable_password():
            self.stdout.write(
                f"{person} has no password: they choose one with “Forgotten your password?” on the"
                " sign-in page."
            )
