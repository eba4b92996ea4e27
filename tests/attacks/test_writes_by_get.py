"""Reading changes nothing: after GET and HEAD of every page, every table is as it was.

Left out are sessions, the cache with its counts for rate limits, and `last_login`.
"""

import pytest

from tests.attacks.answers import ask
from tests.attacks.bank import AttackedBank
from tests.attacks.digests import table_digests
from tests.attacks.hostile_values import ids_of, read_with_every_parameter
from tests.attacks.people import is_alive, readers_of, signed_in
from tests.attacks.visits import Visits
from tests.attacks.walk import addresses

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


def test_reading_ends_no_session(bank: AttackedBank) -> None:
    """Links of other sites open any address by GET, with the cookies of whoever follows them."""
    here, elsewhere = signed_in(bank.eve.user), signed_in(bank.eve.user)
    urls = {it.pattern: it.url for it in addresses(bank.eve) if it.url.startswith("/account/")}

    ended = [
        (method, url)
        for url in urls.values()
        for method in ("GET", "HEAD")
        if ask(here, method, url) and not (is_alive(here) and is_alive(elsewhere))
    ]

    assert ended == []
    assert "/account/security/sessions/end-others/" in urls.values()


@pytest.mark.parametrize("kind", ["customer", "analyst", "staff"])
def test_no_parameter_makes_a_page_write(bank: AttackedBank, kind: str) -> None:
    """Every link with parameters, every GET form, and every parameter for which a view asks, also
    with the reader's own ids.
    """
    client = readers_of(bank)[kind]
    before = table_digests()

    seen = read_with_every_parameter(client, addresses(bank.eve), ("1", "on", *ids_of(bank.eve)))

    assert len(seen.queries) > 50
    assert is_alive(client)
    after = table_digests()
    assert sorted(table for table in after if after[table] != before[table]) == []
