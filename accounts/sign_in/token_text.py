"""The text of an access token: `ledger_<prefix>_<secret><checksum>`, all in base62.

The prefix identifies a token in lists and is not secret. The secret consists of 256 random bits.
The checksum is the CRC-32 of all characters before it, as in GitHub's tokens. The checksum shows
without a query that a token is mistyped, and shows to scanners for leaked secrets that a text is a
token. The checksum is not a protection.
"""

import hashlib
import re
import secrets
import zlib
from string import ascii_lowercase, ascii_uppercase, digits
from typing import NamedTuple
from uuid import UUID

BEGINS = "ledger_"
ALPHABET = digits + ascii_uppercase + ascii_lowercase
PREFIX_LENGTH = 8
SECRET_BITS = 256
SECRET_LENGTH = 43  # 62 ** 43 > 2 ** 256
CHECKSUM_LENGTH = 6  # 62 ** 6 > 2 ** 32
SHAPE = re.compile(
    rf"{BEGINS}([0-9A-Za-z]{{{PREFIX_LENGTH}}})"
    rf"_[0-9A-Za-z]{{{SECRET_LENGTH}}}([0-9A-Za-z]{{{CHECKSUM_LENGTH}}})"
)


class NewText(NamedTuple):
    """A new token. `text` is the whole text, which is not stored."""

    prefix: str
    text: str


def new_text() -> NewText:
    """Returns a new random token."""
    prefix = "".join(secrets.choice(ALPHABET) for _ in range(PREFIX_LENGTH))
    secret = in_base62(secrets.randbits(SECRET_BITS), SECRET_LENGTH)
    begin = f"{BEGINS}{prefix}_{secret}"
    return NewText(prefix, begin + checksum(begin))


def is_well_formed(text: str) -> bool:
    """Returns whether the text has the format of a token and a correct checksum. Makes no query."""
    return SHAPE.fullmatch(text) is not None and text.endswith(checksum(text[:-CHECKSUM_LENGTH]))


def digest_of(text: str) -> str:
    """Returns the digest of a token, which the table contains instead of the token. A plain SHA-256
    is enough, because 2 ** 256 secrets cannot be tried.
    """
    return hashlib.sha256(text.encode()).hexdigest()


def id_of(digest: str) -> UUID:
    """Returns the id of the row with this digest: the first half of the digest."""
    return UUID(hex=digest[:32])


def checksum(begin: str) -> str:
    """Returns the checksum of a token whose text begins with `begin`."""
    return in_base62(zlib.crc32(begin.encode()), CHECKSUM_LENGTH)


def in_base62(number: int, length: int) -> str:
    """Returns the number in base62, filled with leading zeros up to this length."""
    letters = []
    for _ in range(length):
        number, rest = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[rest])
    return "".join(reversed(letters))
