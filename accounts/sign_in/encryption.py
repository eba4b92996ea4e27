"""Encrypts the secrets of second factors, so that the database alone gives nobody a code.

The key is derived from SECRET_KEY. After a change of SECRET_KEY, the earlier ones in
SECRET_KEY_FALLBACKS still decrypt, and `manage.py reencrypt_factors` writes every secret with the
new one.
"""

import base64

from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

PURPOSE = b"ledger: secrets of second factors"


def encrypt(text: str) -> str:
    """The text, encrypted with the present SECRET_KEY."""
    return _fernet().encrypt(text.encode()).decode()


def decrypt(encrypted: str) -> str:
    """The text again. Raises InvalidToken if none of the keys has encrypted it."""
    return _fernet().decrypt(encrypted.encode()).decode()


def reencrypt(encrypted: str) -> str:
    """The same text, encrypted with the present SECRET_KEY. Raises InvalidToken like `decrypt`."""
    return _fernet().rotate(encrypted.encode()).decode()


def _fernet() -> MultiFernet:
    """Encrypts with the first key, decrypts with whichever fits."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(_derived(key)) for key in keys])


def _derived(secret_key: str) -> bytes:
    derivation = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=PURPOSE)
    return base64.urlsafe_b64encode(derivation.derive(secret_key.encode()))
