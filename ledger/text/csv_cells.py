"""Writes CSV cells that spreadsheets do not run as formulas, and CSV lines without a file."""

import re

# Includes the full-width forms of these characters.
FORMULA_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20"
# If a spreadsheet separates cells at semicolons or tabs, a cell can start in the middle of a text.
# This is also true for a quoted text, because the quote is then not the first character of its
# cell. There may be blanks and quotes before the formula sign, because csv doubles a quote and
# other readers remove it.
_QUOTE = r"[\"'\u200b\ufeff]"
_BLANKS = rf"(?:[^\S\t\r\n]|{_QUOTE})*"
FORMULA_AFTER_SEPARATOR = re.compile(rf"([;\t\r\n|]{_BLANKS})(?=[{FORMULA_SIGNS}])")
FORMULA_AT_START = re.compile(rf"\s*(?:{_QUOTE}{_BLANKS})?[{FORMULA_SIGNS}]|[\t\r\n]")


class Echo:
    """A replacement for a file in csv.writer. Its method `write` returns the line."""

    def write(self, line: str) -> str:
        return line


def guarded(text: str | None) -> str:
    """Returns the text for a cell, with an apostrophe before each possible formula. A spreadsheet
    could find a formula at the beginning of the text, and after each character that may separate
    cells.
    """
    text = FORMULA_AFTER_SEPARATOR.sub(r"\1'", text or "")
    return f"'{text}" if FORMULA_AT_START.match(text) else text
