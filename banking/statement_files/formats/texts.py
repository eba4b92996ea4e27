"""Functions for several text formats: amounts with a decimal point, XML texts, and SWIFT's
character set.
"""

import re
import unicodedata
from decimal import Decimal
from html import escape

from ledger.text.currencies import minor_units

NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
NOT_SWIFT = re.compile(r"[^A-Za-z0-9/\-?:().,'+ ]")


def plain(amount: Decimal, currency: str) -> str:
    """Returns the amount as text, for example "-12.50", with as many decimals as the currency
    has.
    """
    return f"{amount:.{minor_units(currency)}f}"


def xml(text: str, limit: int = 0) -> str:
    """Returns the text for an XML element, cut to `limit` characters, or uncut if `limit` is 0.
    Removes characters that XML 1.0 does not allow.
    """
    text = NOT_XML.sub("", text)
    return escape(text[:limit] if limit else text, quote=False)


def one_line(text: str) -> str:
    return " ".join(text.split())


def swift(text: str) -> str:
    """Returns the text in SWIFT's character set x. Letters lose their accents, and other characters
    become "?".
    """
    text = text.replace("ß", "ss").replace("€", "EUR").replace("·", "-")
    # Each letter is normalized separately. To sort the accents of a whole text would take quadratic
    # time.
    parts = "".join(unicodedata.normalize("NFKD", letter) for letter in text)
    bare = "".join(c for c in parts if not unicodedata.combining(c))
    return NOT_SWIFT.sub("?", one_line(bare))
