"""What text formats share: amounts with a point, XML, and the letters of SWIFT."""

import re
import unicodedata
from decimal import Decimal
from html import escape

from ledger.text.currencies import minor_units

NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
NOT_SWIFT = re.compile(r"[^A-Za-z0-9/\-?:().,'+ ]")


def plain(amount: Decimal, currency: str) -> str:
    """ "-12.50", with the decimals of the currency."""
    return f"{amount:.{minor_units(currency)}f}"


def xml(text: str, limit: int = 0) -> str:
    """The text for an element, cut to `limit` characters; without what XML 1.0 cannot hold."""
    text = NOT_XML.sub("", text)
    return escape(text[:limit] if limit else text, quote=False)


def one_line(text: str) -> str:
    return " ".join(text.split())


def swift(text: str) -> str:
    """The text in the character set x of SWIFT: letters without their marks, others as "?"."""
    text = text.replace("ß", "ss").replace("€", "EUR").replace("·", "-")
    # Each letter alone: the marks of a whole text would be sorted, in quadratic time.
    parts = "".join(unicodedata.normalize("NFKD", letter) for letter in text)
    bare = "".join(c for c in parts if not unicodedata.combining(c))
    return NOT_SWIFT.sub("?", one_line(bare))
