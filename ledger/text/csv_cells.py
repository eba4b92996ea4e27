"""CSV cells that no spreadsheet runs as a formula, and CSV lines without a file."""

FORMULA_SIGNS = tuple("=+-@\uff1d\uff0b\uff0d\uff20")  # and their full-width forms


class Echo:
    """A file object for csv.writer that returns each line."""

    def write(self, line: str) -> str:
        return line


def guarded(text: str | None) -> str:
    """A text cell, with an apostrophe in front if a spreadsheet would take it for a formula."""
    text = text or ""
    risky = text.lstrip().startswith(FORMULA_SIGNS) or text.startswith(("\t", "\r", "\n"))
    return f"'{text}" if risky else text
