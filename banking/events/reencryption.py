"""Encrypts the secrets of all webhooks with the current SECRET_KEY."""

from django.utils import timezone

from banking.events import signing
from banking.events.models import Webhook
from ledger.db.secret_key.reencryption import reencrypt_rows


def reencrypt_webhooks() -> tuple[int, list[Webhook]]:
    """Encrypts all secrets that are still valid with the current SECRET_KEY, in batches. Returns
    the number of changed webhooks, and the webhooks with a secret that cannot be decrypted.
    """
    return reencrypt_rows(Webhook.objects.exclude(secrets=[]), _reencrypt)


def _reencrypt(webhook: Webhook) -> None:
    webhook.secrets = signing.reencrypted(webhook.secrets, timezone.now())
    webhook.save(update_fields=["secrets"])
