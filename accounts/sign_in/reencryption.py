"""Encrypts all secrets of second factors with the current SECRET_KEY."""

from allauth.mfa.models import Authenticator

from accounts.sign_in.encryption import reencrypt
from ledger.db.secret_key.reencryption import reencrypt_rows

SECRETS = ("secret", "old_codes")  # keys of the dictionary `Authenticator.data`


def reencrypt_factors() -> tuple[int, list[Authenticator]]:
    """Encrypts every secret again, in batches. Returns the number of encrypted factors. Also
    returns the factors with a secret that cannot be decrypted with any known key.
    """
    factors = Authenticator.objects.filter(data__has_any_keys=SECRETS)
    return reencrypt_rows(factors, _reencrypt)


def _reencrypt(factor: Authenticator) -> None:
    for name in SECRETS:
        if name in factor.data:
            factor.data[name] = _with_the_new_key(factor.data[name])
    factor.save(update_fields=["data"])


def _with_the_new_key(secret: str | list[str]) -> str | list[str]:
    """Returns one or several secrets, encrypted with the current SECRET_KEY."""
    return reencrypt(secret) if isinstance(secret, str) else [reencrypt(one) for one in secret]
