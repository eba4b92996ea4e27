"""Cells of CSV files that no spreadsheet takes for a formula, and lines without a file."""

FORMULA_SIGNS = tuple("=+-@\uff1d\uff0b\uff0d\uff20")  # and their full-width forms


class Echo:
    """A file for csv.writer that hands each line straight back."""

    def write(self, line: str) -> str:
        return line


def guarded(text: str | None) -> str:
    """A text cell that no spreadsheet takes for a formula: those get an apostrophe in front."""
    text = text or ""
    risky = text.lstrip().startswith(FORMULA_SIGNS) or text.startswith(("\t", "\r", "\n"))
    return f"'{text}" if risky else text
