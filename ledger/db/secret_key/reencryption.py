"""Encrypts the secrets of many rows again with the current key. Skips secrets that no key can
decrypt.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from cryptography.fernet import InvalidToken
from django.db import models

from ledger.db.locking.parts import change_in_parts

MAX_NAMED = 20
M = TypeVar("M", bound=models.Model)


def reencrypt_rows(
    rows: models.QuerySet[M], reencrypt: Callable[[M], object]
) -> tuple[int, list[M]]:
    """Calls `reencrypt` with each row, in several transactions. `reencrypt` encrypts the secret
    again and saves the row.

    Returns the number of rows that were encrypted again, and the unchanged rows for which
    `reencrypt` raised InvalidToken.
    """
    refused = dict[Any, M]()

    def try_row(row: M) -> None:
        try:
            reencrypt(row)
        except InvalidToken:
            refused[row.pk] = row

    count = change_in_parts(rows, try_row)
    return count - len(refused), list(refused.values())


def not_decrypted(names: Sequence[str], otherwise: str) -> str:
    """Returns a message that contains the names of the rows that could not be decrypted, and what
    to do. `otherwise` is the advice if the key is lost.
    """
    more = f" and {len(names) - MAX_NAMED:,} more" if len(names) > MAX_NAMED else ""
    return (
        "Neither SECRET_KEY nor a key in SECRET_KEY_FALLBACKS decrypts the secrets of"
        f" {', '.join(names[:MAX_NAMED])}{more}. All other secrets are now encrypted with"
        " the current SECRET_KEY. If a key is missing, add it and run the command again. If it is"
        f" lost, {otherwise}"
    )
