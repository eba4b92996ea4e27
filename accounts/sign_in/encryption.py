"""Encrypts the secrets of second factors, so that the database alone gives nobody a code.

After a change of SECRET_KEY, `manage.py reencrypt_factors` writes every secret with the new one.
"""

from ledger.web.encryption import fernet

PURPOSE = b"ledger: secrets of second factors"


def encrypt(text: str) -> str:
    """The text, encrypted with the present SECRET_KEY."""
    return fernet(PURPOSE).encrypt(text.encode()).decode()


def decrypt(encrypted: str) -> str:
    """The text again. Raises InvalidToken if none of the keys has encrypted it."""
    return fernet(PURPOSE).decrypt(encrypted.encode()).decode()


def reencrypt(encrypted: str) -> str:
    """The same text, encrypted with the present SECRET_KEY. Raises InvalidToken like `decrypt`."""
    return fernet(PURPOSE).rotate(encrypted.encode()).decode()
