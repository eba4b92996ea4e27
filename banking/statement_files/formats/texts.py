"""Functions that text formats share: amounts with a point, XML, and SWIFT's character set."""

import re
import unicodedata
from decimal import Decimal
from html import escape

from ledger.text.currencies import minor_units

NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
NOT_SWIFT = re.compile(r"[^A-Za-z0-9/\-?:().,'+ ]")


def plain(amount: Decimal, currency: str) -> str:
    """Returns the amount like "-12.50", with the decimals of the currency."""
    return f"{amount:.{minor_units(currency)}f}"


def xml(text: str, limit: int = 0) -> str:
    """Returns the text for an element, cut to `limit` characters, without characters that XML 1.0
    does not allow.
    """
    text = NOT_XML.sub("", text)
    return escape(text[:limit] if limit else text, quote=False)


def one_line(text: str) -> str:
    return " ".join(text.split())


def swift(text: str) -> str:
    """Returns the text in SWIFT's character set x: letters without accents, other characters as
    "?".
    """
    text = text.replace("ß", "ss").replace("€", "EUR").replace("·", "-")
    # Each letter separately: for a whole text, sorting its accents takes quadratic time.
    parts = "".join(unicodedata.normalize("NFKD", letter) for letter in text)
    bare = "".join(c for c in parts if not unicodedata.combining(c))
    return NOT_SWIFT.sub("?", one_line(bare))
