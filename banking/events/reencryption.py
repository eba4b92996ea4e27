"""Encrypts all secrets of webhooks with the present SECRET_KEY."""

from django.utils import timezone

from banking.events import signing
from banking.events.models import Webhook
from ledger.db.secret_key.reencryption import reencrypt_rows


def reencrypt_webhooks() -> tuple[int, list[Webhook]]:
    """Encrypts every secret that still counts again, in parts. Returns how many webhooks it has
    encrypted, and those with a secret that no known key decrypts.
    """
    return reencrypt_rows(Webhook.objects.exclude(secrets=[]), _reencrypt)


def _reencrypt(webhook: Webhook) -> None:
    webhook.secrets = signing.reencrypted(webhook.secrets, timezone.now())
    webhook.save(update_fields=["secrets"])
