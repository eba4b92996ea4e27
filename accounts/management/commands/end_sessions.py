"""Signs one person or all people out on all devices."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from accounts.management.people import signing_in_with
from accounts.sign_in.access import sign_everybody_out, sign_out_everywhere
from ledger.text.lines import counted


class Command(BaseCommand):
    help = (
        "End the sessions and access tokens of a person, or the sessions of everybody. They"
        " can sign in again. To prevent this, close their sign-in."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        target = parser.add_mutually_exclusive_group(required=True)
        target.add_argument("email", nargs="?", help="the address with which the person signs in")
        target.add_argument("--everybody", action="store_true", help="the sessions of all people")
        parser.add_argument(
            "--tokens", action="store_true", help="with --everybody: all access tokens too"
        )

    def handle(self, *, email: str | None, everybody: bool, tokens: bool, **_options: Any) -> None:
        if everybody:
            ended = sign_everybody_out(with_tokens=tokens)
            self.stdout.write(f"Ended {counted(ended, 'session')}.")
            return
        person = signing_in_with(email or "")
        ended = sign_out_everywhere(user=person)
        self.stdout.write(f"Ended {counted(ended, 'session')} of {person}.")
