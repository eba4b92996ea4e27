"""Encrypts the secrets of second factors, so that a copy of the database is not enough to get a
code.

After a change of SECRET_KEY, `manage.py reencrypt_factors` encrypts every secret with the new key.
"""

from ledger.web.encryption import fernet

PURPOSE = b"ledger: secrets of second factors"


def encrypt(text: str) -> str:
    """Returns the text, encrypted with the current SECRET_KEY."""
    return fernet(PURPOSE).encrypt(text.encode()).decode()


def decrypt(encrypted: str) -> str:
    """Returns the decrypted text.

    Raises: InvalidToken if it was encrypted with none of the keys.
    """
    return fernet(PURPOSE).decrypt(encrypted.encode()).decode()


def reencrypt(encrypted: str) -> str:
    """Returns the same text, encrypted with the current SECRET_KEY.

    Raises: InvalidToken like `decrypt`.
    """
    return fernet(PURPOSE).rotate(encrypted.encode()).decode()
