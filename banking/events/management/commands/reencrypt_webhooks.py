"""`manage.py reencrypt_webhooks` encrypts the secrets of webhooks again after SECRET_KEY has
changed.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from banking.events.reencryption import reencrypt_webhooks
from ledger.db.secret_key.reencryption import not_decrypted
from ledger.text.lines import counted


class Command(BaseCommand):
    help = (
        "Encrypt the secrets of webhooks with the current SECRET_KEY. Afterwards they no longer"
        " need the keys in SECRET_KEY_FALLBACKS."
    )
    runs_unattended = True

    def handle(self, **_options: Any) -> None:
        count, refused = reencrypt_webhooks()
        self.stdout.write(f"Encrypted the secrets of {counted(count, 'webhook')} again.")
        if refused:
            names = [f"webhook {each.pk} of person {each.owner_id}" for each in refused]
            raise CommandError(
                not_decrypted(names, "its owner removes the webhook and adds it again.")
            )
