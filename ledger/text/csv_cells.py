"""CSV cells that spreadsheets do not run as formulas, and CSV lines without a file."""

import re

FORMULA_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20"  # with their full-width forms
# If a spreadsheet separates cells by semicolons or tabs, a cell can start in the middle of a text,
# even of a quoted one, because the quote is then not the first character of its cell. Blanks and
# quotes may be before the sign, because csv doubles a quote, and other readers remove it.
_QUOTE = r"[\"'\u200b\ufeff]"
_BLANKS = rf"(?:[^\S\t\r\n]|{_QUOTE})*"
FORMULA_AFTER_SEPARATOR = re.compile(rf"([;\t\r\n|]{_BLANKS})(?=[{FORMULA_SIGNS}])")
FORMULA_AT_START = re.compile(rf"\s*(?:{_QUOTE}{_BLANKS})?[{FORMULA_SIGNS}]|[\t\r\n]")


class Echo:
    """A file object for csv.writer that returns each line."""

    def write(self, line: str) -> str:
        return line


def guarded(text: str | None) -> str:
    """Returns the text for a cell, with an apostrophe wherever a spreadsheet might see the start of
    a formula: at the beginning, and after each character that may separate cells.
    """
    text = FORMULA_AFTER_SEPARATOR.sub(r"\1'", text or "")
    return f"'{text}" if FORMULA_AT_START.match(text) else text
