"""Encrypts texts with keys that are derived from SECRET_KEY, with a different key for each purpose.

After a change of SECRET_KEY, texts can still be decrypted with the earlier keys in
SECRET_KEY_FALLBACKS.
"""

import base64

from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


def fernet(purpose: bytes) -> MultiFernet:
    """Returns an object that encrypts with the first key and decrypts with any of the keys. Its
    method `decrypt` raises InvalidToken if no key fits.
    """
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(_derived(key, purpose)) for key in keys])


def _derived(secret_key: str, purpose: bytes) -> bytes:
    derivation = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose)
    return base64.urlsafe_b64encode(derivation.derive(secret_key.encode()))
