"""Revokes an access token."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import ApiToken
from accounts.sign_in import tokens
from accounts.sign_in.token_ends import BY_COMMAND
from accounts.sign_in.token_text import BEGINS, PREFIX_LENGTH


class Command(BaseCommand):
    help = (
        "Revoke an access token immediately. Lists show its prefix, the eight letters after"
        f" {BEGINS}. The owner gets an email about it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("prefix", help="eight letters and digits, such as 7rTq0Zbn")

    def handle(self, *, prefix: str, **_options: Any) -> None:
        """Revokes the tokens with this prefix.

        Raises: CommandError if no token has this prefix.
        """
        wanted = prefix.removeprefix(BEGINS)[:PREFIX_LENGTH]
        found = list(ApiToken.objects.select_related("user").filter(prefix=wanted))
        if not found:
            raise CommandError(f"No access token has the prefix {wanted}.")
        for token in found:  # nearly always one token: there are 62 ** 8 prefixes
            self._revoke(token)

    def _revoke(self, token: ApiToken) -> None:
        if tokens.revoke(token=token, by=None, reason=BY_COMMAND):
            self.stdout.write(f"Revoked the token {token.prefix} of {token.user}.")
        else:
            self.stdout.write(f"The token {token.prefix} is already revoked.")
