"""No cell of any CSV file of the site is a formula of a spreadsheet.

Every text of the bank of `tests/attacks/walks/site.py` begins with one and has a semicolon, after
which some spreadsheets start a cell.
"""

import pytest

from tests.attacks.cells import formula_cells
from tests.attacks.walks.site import FORMULA, Visits

pytestmark = pytest.mark.django_db


def test_no_cell_is_a_formula(all_visits: Visits) -> None:
    files, wrong = set(), []

    for kind, url, answer in all_visits.pages():
        if not answer.headers.get("Content-Type", "").startswith("text/csv"):
            continue
        files.add(url)
        wrong += [(kind, url, cell) for cell in formula_cells(answer.body)]

    assert wrong == []
    assert files
    texts = [answer.body for *_, answer in all_visits.pages() if FORMULA in answer.body]
    assert texts


def test_the_walk_reads_files(visits: Visits) -> None:
    files = {
        url
        for _, url, answer in visits.pages()
        if answer.headers.get("Content-Type", "").startswith("text/csv")
    }

    assert len(files) > 15
