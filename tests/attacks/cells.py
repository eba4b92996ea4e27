"""Cells of CSV files that a spreadsheet would interpret as formulas."""

import csv
import re
from io import StringIO

FIGURE = re.compile(r"[+-]?\d+(\.\d+)?")
# A formula begins with one of these signs, after any blanks and quotes.
BEGINS = re.compile(r"[\s\"']*[=+\-@\uff1d\uff0b\uff0d\uff20]")
PARTS = re.compile(r"[;\t|\r\n]")


def formulas(cell: str) -> list[str]:
    """Returns the parts of a cell that a spreadsheet would calculate. In a safe cell, a ' precedes
    the sign of the first part, and the sign of any other part inside the text.
    """
    return [
        part
        for part in PARTS.split(cell)
        if BEGINS.match(part) and not FIGURE.fullmatch(part) and not part.lstrip().startswith("'")
    ]


def formula_cells(file: str) -> list[str]:
    """Returns the cells of a file that a spreadsheet would calculate."""
    return [cell for line in csv.reader(StringIO(file)) for cell in line if formulas(cell)]
