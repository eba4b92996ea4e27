"""No filter, sort order or parameter of any page reaches the database as SQL.

The parameters are the parameters of all links and forms that a reader finds on all pages, and the
lookups that Django's admin understands in an address.
"""

from urllib.parse import quote

import pytest
from django.test import Client

from tests.attacks.answers import ask
from tests.attacks.bank import AttackedBank
from tests.attacks.hostile_values import UNSTORABLE
from tests.attacks.parameters import UUID, page_of
from tests.attacks.walk import addresses
from tests.attacks.walks.site import WalkedSite
from tests.postgres_log import lines_logged

pytestmark = pytest.mark.django_db
PAYLOADS = (
    "'\"\\` OR 1=1; DROP TABLE users; --",
    UNSTORABLE,
    "9" * 400,
    "-1e999999",
    "%s %(x)s ((((((((not or and",
)
# Columns that no list shows, each with a value that would find rows if the lookup were accepted.
SECRET_LOOKUPS = {
    "password__startswith": "md5$",
    "user__password__startswith": "md5$",
    "from_account__user__password__contains": "$",
    "owner__password__regex": "^md5",
    "created_by__password__contains": "$",
    "run_by__password__contains": "$",
    "user__authenticator__data__contains": "{}",
    "authenticator__data__isnull": "0",
}
LOOKUPS = ("id__in", "created_at__year__gt", "o", "p", "all", "_to_field", "_popup", "_facets", "e")
READERS = ("customer", "analyst", "staff")


def test_no_parameter_is_taken_for_sql(site: WalkedSite, readers: dict[str, Client]) -> None:
    seen = {kind: site.read_by(kind).parameters for kind in READERS}
    secrets = [fact for victim in site.bank.victims for fact in victim.facts()]
    logged, wrong, tried = lines_logged(), [], set()

    for kind in READERS:
        for path, names in seen[kind].names.items():
            page = page_of(path)
            fresh = sorted(name for name in names if (page, name) not in tried)
            tried |= {(page, name) for name in fresh}
            for name in fresh:
                for payload in PAYLOADS:
                    query = f"{quote(name)}={quote(payload, errors='surrogatepass')}"
                    answer = ask(readers[kind], "GET", f"{path}?{query}")
                    shown = kind == "customer" and answer.shown(secrets, path)
                    if answer.status >= 500 or shown:
                        wrong.append((kind, path, name, payload, answer.status, shown))

    assert wrong == []
    assert lines_logged() == logged
    assert {("/search/", "q"), ("/accounts/<id>/", "start"), ("/admin/search/", "q")} <= tried


def test_no_look_up_of_the_admin_tells_what_its_lists_do_not_show(
    bank: AttackedBank, readers: dict[str, Client]
) -> None:
    """The correct secret finds no more rows than a wrong secret."""
    staff = readers["staff"]
    logged = lines_logged()
    lists = [it.url for it in addresses(bank.eve) if it.name.endswith("_changelist")]
    assert len(lists) > 4

    told = [
        (url, lookup)
        for url in lists
        for lookup, right in SECRET_LOOKUPS.items()
        if _rows(staff, url, {lookup: right}) != _rows(staff, url, {lookup: "1"})
    ]
    broken = [
        (url, lookup, value)
        for url in lists
        for lookup in (*LOOKUPS, *SECRET_LOOKUPS)
        for value in ("-1", "'; --", "a\x00")
        if ask(staff, "GET", url, {lookup: value}).status >= 500
    ]

    assert told == []
    assert broken == []
    assert lines_logged() == logged


def _rows(client: Client, url: str, query: dict[str, str]) -> tuple[int, list[str]]:
    """Returns the status, and the ids of the rows on the page."""
    answer = ask(client, "GET", url, query)
    return answer.status, UUID.findall(answer.body)
