"""Cells of CSV files that a spreadsheet would take for formulas."""

import csv
import re
from io import StringIO

FIGURE = re.compile(r"[+-]?\d+(\.\d+)?")
# A formula begins with one of these, blanks and quotes before it left out.
BEGINS = re.compile(r"[\s\"']*[=+\-@\uff1d\uff0b\uff0d\uff20]")
PARTS = re.compile(r"[;\t|\r\n]")


def formulas(cell: str) -> list[str]:
    """The parts of a cell that a spreadsheet would calculate. A guarding ' stands before the sign
    of the first part, and inside the text before that of any other.
    """
    return [
        part
        for part in PARTS.split(cell)
        if BEGINS.match(part) and not FIGURE.fullmatch(part) and not part.lstrip().startswith("'")
    ]


def formula_cells(file: str) -> list[str]:
    """The cells of a file that a spreadsheet would calculate."""
    return [cell for line in csv.reader(StringIO(file)) for cell in line if formulas(cell)]
