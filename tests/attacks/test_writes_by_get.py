"""Reading changes nothing: after GET and HEAD of every page, every table is as it was.

Left out are sessions, the cache with its counts for rate limits, and `last_login`.
"""

import pytest

from tests.attacks.visits import Visits

pytestmark = pytest.mark.django_db


def test_reading_writes_nothing(visits: Visits) -> None:
    changed = {
        kind: sorted(table for table in after if after[table] != visits.before[table])
        for kind, after in visits.after.items()
    }

    assert changed == {kind: [] for kind in visits.answers}


def test_every_page_answers(visits: Visits) -> None:
    """Readers get pages, else the walk would show nothing."""
    broken = [(kind, url, it.status) for kind, url, it in visits.pages() if it.status >= 500]
    pages = [url for *_, url, answer in visits.pages() if answer.status == 200]

    assert broken == []
    assert len(pages) > 250
