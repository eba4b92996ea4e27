"""Encrypts all secrets of second factors with the present SECRET_KEY."""

from allauth.mfa.models import Authenticator
from django.db import transaction as db_transaction

from accounts.sign_in.encryption import reencrypt
from ledger.db.retry import with_retry

SECRETS = ("secret", "old_codes")  # keys of `Authenticator.data`


@with_retry
def reencrypt_factors() -> int:
    """Encrypts every secret anew, all or none, and returns how many factors have one.

    Raises InvalidToken if no known key decrypts one of them.
    """
    with db_transaction.atomic(durable=True):
        count = 0
        for factor in Authenticator.objects.select_for_update().order_by("pk").iterator():
            for name in SECRETS:
                if name in factor.data:
                    factor.data[name] = _with_the_new_key(factor.data[name])
                    factor.save(update_fields=["data"])
                    count += 1
    return count


def _with_the_new_key(secret: str | list[str]) -> str | list[str]:
    """A secret, or several, encrypted anew."""
    return reencrypt(secret) if isinstance(secret, str) else [reencrypt(one) for one in secret]
