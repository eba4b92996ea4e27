"""No cell of any CSV file of the site is a formula of a spreadsheet.

Every text of the bank of `tests/attacks/visits.py` begins with one and has a semicolon, after which
some spreadsheets start a cell.
"""

import csv
import re
from io import StringIO

import pytest

from tests.attacks.visits import FORMULA, Visits

pytestmark = pytest.mark.django_db
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


def test_no_cell_is_a_formula(visits: Visits) -> None:
    files, wrong = set(), []

    for kind, url, answer in visits.pages():
        if not answer.headers.get("Content-Type", "").startswith("text/csv"):
            continue
        files.add(url)
        for line in csv.reader(StringIO(answer.body)):
            wrong += [(kind, url, cell) for cell in line if formulas(cell)]

    assert wrong == []
    assert len(files) > 15
    texts = [answer.body for *_, answer in visits.pages() if FORMULA in answer.body]
    assert texts
