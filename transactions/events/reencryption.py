"""Encrypts all secrets of webhooks with the present SECRET_KEY."""

from ledger.db.parts import change_in_parts
from transactions.events import signing
from transactions.models import Webhook


def reencrypt_webhooks() -> int:
    """Encrypts every secret again, in parts, and returns how many webhooks have one.

    Raises InvalidToken if no known key decrypts a secret: those of earlier parts are encrypted.
    """
    return change_in_parts(Webhook.objects.exclude(secrets=[]), _reencrypt)


def _reencrypt(webhook: Webhook) -> None:
    webhook.secrets = signing.reencrypted(webhook.secrets)
    webhook.save(update_fields=["secrets"])
