"""CSV cells that no spreadsheet runs as a formula, and CSV lines without a file."""

import re

FORMULA_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20"  # and their full-width forms
# A spreadsheet that separates cells by semicolons or tabs starts a cell in the middle of a text,
# even of a quoted one, because the quote is then not the first character of its cell.
# Blanks and quotes may stand before the sign: csv doubles a quote, and another reader drops it.
_QUOTE = r"[\"'\u200b\ufeff]"
_BLANKS = rf"(?:[^\S\t\r\n]|{_QUOTE})*"
FORMULA_AFTER_SEPARATOR = re.compile(rf"([;\t\r\n|]{_BLANKS})(?=[{FORMULA_SIGNS}])")
FORMULA_AT_START = re.compile(rf"\s*(?:{_QUOTE}{_BLANKS})?[{FORMULA_SIGNS}]|[\t\r\n]")


class Echo:
    """A file object for csv.writer that returns each line."""

    def write(self, line: str) -> str:
        return line


def guarded(text: str | None) -> str:
    """A text cell, with an apostrophe wherever a spreadsheet would take what follows for a formula:
    in front, and after any sign that may separate cells.
    """
    text = FORMULA_AFTER_SEPARATOR.sub(r"\1'", text or "")
    return f"'{text}" if FORMULA_AT_START.match(text) else text
