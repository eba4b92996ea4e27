"""Encrypts all secrets of webhooks with the present SECRET_KEY."""

from django.db import transaction as db_transaction

from ledger.db.retry import with_retry
from transactions.events import signing
from transactions.models import Webhook


@with_retry
def reencrypt_webhooks() -> int:
    """Encrypts every secret anew, all or none, and returns how many webhooks have one.

    Raises InvalidToken if no known key decrypts one of them.
    """
    count = 0
    with db_transaction.atomic(durable=True):
        for webhook in Webhook.objects.select_for_update().exclude(secrets=[]).order_by("pk"):
            webhook.secrets = signing.reencrypted(webhook.secrets)
            webhook.save(update_fields=["secrets"])
            count += 1
    return count
