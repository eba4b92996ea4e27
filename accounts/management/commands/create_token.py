"""Creates an access token for a person and prints the token."""

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
DAYS, MAX_DAYS = 90, 3650


class Command(BaseCommand):
    help = (
        "Create an access token with which programs act for a person, and print it. It is printed"
        " only once, because only a digest is stored. The person gets an email about it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", help="the address with which the person signs in")
        parser.add_argument(
            "--scope", action="append", required=True, dest="scopes",
            metavar="|".join(ApiToken.TokenScope.values),
            help="what the token may do, in an option for each scope",
        )  # fmt: skip
        parser.add_argument("--name", default=NAME, help="the token's name")
        parser.add_argument("--per-payment", help="the largest payment, such as 100")
        parser.add_argument("--per-day", help="the total per day, such as 500")
        parser.add_argument("--currency", default="", help="its only currency, such as EUR")
        parser.add_argument(
            "--days",
            type=int,
            default=DAYS,
            help=f"days until it expires ({DAYS}); 0 for no expiry",
        )

    def handle(self, *, email: str, scopes: list[str], **options: Any) -> None:
        """Creates and prints the token.

        Raises: CommandError with a message for an invalid address, scope, limit or number of days.
        """
        days = options["days"]
        if not 0 <= days <= MAX_DAYS:
            raise CommandError(f"Enter 1 to {MAX_DAYS} days, or 0 for a token without expiry.")
        person = signing_in_with(email)
        try:
            # In development, mails are written to standard output. Nobody must mistake a mail for
            # the token.
            with redirect_stdout(sys.stderr):
                issued = tokens.issue(
                    person=person,
                    name=options["name"],
                    scopes=scopes,
                    expires_at=timezone.now() + timedelta(days=days) if days else None,
                    per_payment=_amount(options["per_payment"]),
                    per_day=_amount(options["per_day"]),
                    currency=options["currency"].upper(),
                    second_factor=True,  # the operator has verified the person's identity
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
        raise CommandError(f"{text[:40]} is not an amount. Write it like 100 or 99.50.") from None
