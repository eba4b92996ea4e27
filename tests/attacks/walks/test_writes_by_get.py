"""Reading changes nothing: after GET and HEAD requests for every page, every table is unchanged.

Excluded are sessions, the cache with its counts for rate limits, and `last_login`.
"""

import pytest

from tests.attacks.answers import ask
from tests.attacks.bank import AttackedBank
from tests.attacks.digests import table_digests
from tests.attacks.hostile_values import ids_of, read_with_every_parameter
from tests.attacks.people import is_alive, signed_in
from tests.attacks.walk import addresses
from tests.attacks.walks.site import Visits, WalkedSite, changed_since

pytestmark = pytest.mark.django_db


def test_reading_writes_nothing(all_visits: Visits) -> None:
    assert all_visits.changed == {kind: [] for kind in all_visits.answers}


def test_every_page_answers(visits: Visits) -> None:
    """Readers must get pages, otherwise the walk would prove nothing."""
    broken = [(kind, url, it.status) for kind, url, it in visits.pages() if it.status >= 500]
    pages = [url for *_, url, answer in visits.pages() if answer.status == 200]

    assert broken == []
    assert len(pages) > 250


def test_reading_ends_no_session(bank: AttackedBank) -> None:
    """A link on another site can open any address with GET and with the cookies of the user who
    follows the link.
    """
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
def test_no_parameter_makes_a_page_write(site: WalkedSite, kind: str) -> None:
    """Tests every parameter that a view reads, also with the reader's ids. The parameters of links
    and GET forms are tested in `linked_visits`.
    """
    client, seen = site.client(kind), site.read_by(kind).parameters
    before = table_digests()

    read_with_every_parameter(client, seen, ("1", "on", *ids_of(site.bank.eve)))

    assert is_alive(client)
    assert changed_since(before) == []
    assert len(seen.queries) > 50
    assert site.linked_visits.answers[kind].keys() >= set(seen.queries.values())
