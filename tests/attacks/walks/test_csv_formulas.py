"""No cell in any CSV file of the site is a spreadsheet formula.

Every text of the bank in `tests/attacks/walks/site.py` begins with a formula and has a second
formula after a separator, where some spreadsheets begin a cell. The texts in files contain all
signs.
"""

import pytest

from tests.attacks.cells import formula_cells
from tests.attacks.walks.site import SIGNS, Visits, WalkedSite

pytestmark = pytest.mark.django_db


def files_in(visits: Visits) -> list[tuple[str, str, str]]:
    """Returns the kind of reader, the URL and the body of each CSV file."""
    return [
        (kind, url, answer.body)
        for kind, url, answer in visits.pages()
        if answer.headers.get("Content-Type", "").startswith("text/csv")
    ]


def test_no_cell_is_a_formula(all_answers: Visits) -> None:
    wrong = [(kind, url, formula_cells(body)) for kind, url, body in files_in(all_answers)]

    assert [it for it in wrong if it[2]] == []


def test_the_walk_reads_the_file_of_a_query(site: WalkedSite) -> None:
    kinds = {kind for kind, _, body in files_in(site.form_visits) if "qzsentqz" in body}

    assert kinds >= {"analyst"}


@pytest.mark.parametrize("sign", SIGNS)
def test_the_walk_reads_files_with_each_formula(visits: Visits, sign: str) -> None:
    files = files_in(visits)

    assert len({url for _, url, _ in files}) > 15
    assert any(f"{sign}A" in body for *_, body in files)
