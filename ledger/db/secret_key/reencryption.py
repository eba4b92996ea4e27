"""Encrypts the secrets of many rows again. A secret that no key decrypts does not stop the
others.
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
    """Calls `reencrypt`, which saves the row, with each row, in parts. Returns how many rows it
    encrypted, and the unchanged rows for which it raised InvalidToken.
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
    """Returns a message with the refused rows and what to do. `otherwise` is the advice if there is
    no other key.
    """
    more = f" and {len(names) - MAX_NAMED:,} more" if len(names) > MAX_NAMED else ""
    return (
        "Neither SECRET_KEY nor a key in SECRET_KEY_FALLBACKS decrypts the secrets of"
        f" {', '.join(names[:MAX_NAMED])}{more}. All other secrets are now encrypted with"
        " the current SECRET_KEY. If a key is missing, add it and run the command again. If it is"
        f" lost, {otherwise}"
    )
