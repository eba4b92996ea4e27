"""Makes an access token for a person and prints it."""

import sys
from argparse import ArgumentParser
from contextlib import redirect_stdout
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.exceptions import LedgerError
from accounts.management.people import signing_in_with
from accounts.models import ApiToken
from accounts.sign_in import tokens

NAME = "Made by manage.py create_token"
DAYS, MOST_DAYS = 90, 3650


class Command(BaseCommand):
    help = (
        "Make an access token with which programs act for a person, and print it: once, because"
        " only a digest is stored. A mail tells the person."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", help="the address with which the person signs in")
        parser.add_argument(
            "--scope", action="append", required=True, dest="scopes",
            metavar="|".join(ApiToken.TokenScope.values),
            help="what the token may do, in an option for each scope",
        )  # fmt: skip
        parser.add_argument("--name", default=NAME, help="what the person calls it")
        parser.add_argument("--per-payment", help="the largest payment, such as 100")
        parser.add_argument("--per-day", help="the most that it pays in a day, such as 500")
        parser.add_argument("--currency", default="", help="the only one it pays in, such as EUR")
        parser.add_argument(
            "--days", type=int, default=DAYS, help=f"how long it works ({DAYS}); 0 for ever"
        )

    def handle(self, *, email: str, scopes: list[str], **options: Any) -> None:
        """Raises CommandError with a sentence for a wrong address, scope, limit or time."""
        days = options["days"]
        if not 0 <= days <= MOST_DAYS:
            raise CommandError(f"A token works for 1 to {MOST_DAYS} days, or for ever with 0.")
        person = signing_in_with(email)
        try:
            # Where mails are printed, as in development, they are not taken for the token.
            with redirect_stdout(sys.stderr):
                issued = tokens.issue(
                    person=person,
                    name=options["name"],
                    scopes=scopes,
                    expires_at=timezone.now() + timedelta(days=days) if days else None,
                    per_payment=_amount(options["per_payment"]),
                    per_day=_amount(options["per_day"]),
                    currency=options["currency"].upper(),
                    second_factor=True,  # who runs commands vouches for the person
                )
        except LedgerError as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(issued.text)


def _amount(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        raise CommandError(f"{text[:40]} is no amount. Write it like 100 or 99.50.") from None
