"""Encrypts all secrets of second factors with the present SECRET_KEY."""

from allauth.mfa.models import Authenticator

from accounts.sign_in.encryption import reencrypt
from ledger.db.parts import change_in_parts

SECRETS = ("secret", "old_codes")  # keys of `Authenticator.data`


def reencrypt_factors() -> int:
    """Encrypts every secret again, in parts, and returns how many factors have one.

    Raises InvalidToken if no known key decrypts a secret: those of earlier parts are encrypted.
    """
    factors = Authenticator.objects.filter(data__has_any_keys=SECRETS)
    return change_in_parts(factors, _reencrypt)


def _reencrypt(factor: Authenticator) -> None:
    for name in SECRETS:
        if name in factor.data:
            factor.data[name] = _with_the_new_key(factor.data[name])
    factor.save(update_fields=["data"])


def _with_the_new_key(secret: str | list[str]) -> str | list[str]:
    """A secret, or several, encrypted anew."""
    return reencrypt(secret) if isinstance(secret, str) else [reencrypt(one) for one in secret]
