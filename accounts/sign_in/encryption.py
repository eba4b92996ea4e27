"""Encrypts the secrets of second factors, so that a copy of the database is not enough to calculate
a code.

After a change of SECRET_KEY, `manage.py reencrypt_factors` encrypts every secret with the new key.
"""

from ledger.web.encryption import fernet

PURPOSE = b"ledger: secrets of second factors"


def encrypt(text: str) -> str:
    """Returns the text, encrypted with a key that is derived from the current SECRET_KEY."""
    return fernet(PURPOSE).encrypt(text.encode()).decode()


def decrypt(encrypted: str) -> str:
    """Returns the decrypted text.

    Raises: InvalidToken if none of the known keys decrypts the text.
    """
    return fernet(PURPOSE).decrypt(encrypted.encode()).decode()


def reencrypt(encrypted: str) -> str:
    """Returns the same secret, encrypted with the current SECRET_KEY.

    Raises: InvalidToken, as described at `decrypt`.
    """
    return fernet(PURPOSE).rotate(encrypted.encode()).decode()
