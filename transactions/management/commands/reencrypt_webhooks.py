"""Encrypts the secrets of webhooks anew after a change of SECRET_KEY."""

from typing import Any

from cryptography.fernet import InvalidToken
from django.core.management.base import BaseCommand, CommandError

from ledger.text.lines import counted
from transactions.events.reencryption import reencrypt_webhooks


class Command(BaseCommand):
    help = (
        "Encrypt the secrets of webhooks with the present SECRET_KEY. Those encrypted with a key in"
        " SECRET_KEY_FALLBACKS no longer need it then."
    )

    def handle(self, **_options: Any) -> None:
        try:
            count = reencrypt_webhooks()
        except InvalidToken:
            raise CommandError(
                "A secret was encrypted with a key that is neither SECRET_KEY nor in"
                " SECRET_KEY_FALLBACKS. Others may be encrypted with the present SECRET_KEY"
                " already. Add the missing key and run the command again."
            ) from None
        self.stdout.write(f"Encrypted the secrets of {counted(count, 'webhook')} anew.")
