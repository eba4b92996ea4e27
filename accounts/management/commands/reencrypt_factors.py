"""Encrypts the secrets of second factors again, after a change of SECRET_KEY."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.sign_in.reencryption import reencrypt_factors
from ledger.db.secret_key.reencryption import not_decrypted


class Command(BaseCommand):
    help = (
        "Encrypt the secrets of second factors with the current SECRET_KEY. Afterwards, they no"
        " longer need a key in SECRET_KEY_FALLBACKS."
    )
    runs_unattended = True

    def handle(self, **_options: Any) -> None:
        count, refused = reencrypt_factors()
        self.stdout.write(f"Encrypted the secrets of {count} factors with the current SECRET_KEY.")
        if refused:
            people = {f"person {factor.user_id}": None for factor in refused}
            raise CommandError(
                not_decrypted(list(people), "remove_second_factors lets these people in again.")
            )
