"""The text of an access token: `ledger_<prefix>_<secret><checksum>`, all in base62.

The prefix tells tokens of a person apart and is no secret; the secret is 256 random bits. The
checksum is the CRC-32 of all before it, as in the tokens of GitHub: it tells a mistyped token from
an unknown one without a query, and lets programs that search for leaked secrets be sure. It
protects nothing.
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
    """A new token: its prefix, and the whole text, which nothing stores."""

    prefix: str
    text: str


def new_text() -> NewText:
    """A random token."""
    prefix = "".join(secrets.choice(ALPHABET) for _ in range(PREFIX_LENGTH))
    secret = in_base62(secrets.randbits(SECRET_BITS), SECRET_LENGTH)
    begin = f"{BEGINS}{prefix}_{secret}"
    return NewText(prefix, begin + checksum(begin))


def is_well_formed(text: str) -> bool:
    """Whether the text has the shape of a token and a right checksum. No query."""
    return SHAPE.fullmatch(text) is not None and text.endswith(checksum(text[:-CHECKSUM_LENGTH]))


def digest_of(text: str) -> str:
    """What the table stores of a token. A plain SHA-256 is enough: nobody tries 2 ** 256 texts."""
    return hashlib.sha256(text.encode()).hexdigest()


def id_of(digest: str) -> UUID:
    """The id of the row with this digest: its first half, which no two tokens share either."""
    return UUID(hex=digest[:32])


def checksum(begin: str) -> str:
    """The last letters of the token that begins so."""
    return in_base62(zlib.crc32(begin.encode()), CHECKSUM_LENGTH)


def in_base62(number: int, length: int) -> str:
    """The number with this many letters, zeros first."""
    letters = []
    for _ in range(length):
        number, rest = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[rest])
    return "".join(reversed(letters))
