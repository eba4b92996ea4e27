"""A search sends the same SQL whether or not its shape was compiled before, for anybody."""

from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from accounts.models import Account, User
from ledger.db.queries import compiled_once
from ledger.db.queries.work import watched
from tests.transactions.search.shared import names_of
from transactions.models import Transaction
from transactions.scope import BANK, MINE, Scope, scope_for
from transactions.search import engine, facets
from transactions.search.engine import find
from transactions.search.language.parser import parse
from transactions.search.sql import name_lookup
from transactions.search.sql.name_lookup import find_scope_and_names

KEPT = (engine._rows, facets._columns, facets._tags, name_lookup._accounts_with_matches,
        name_lookup._reader_with_matches)  # fmt: skip
# Queries of one shape stand in one line; some have letters that SQL or LIKE reads in another way.
TEXTS = [
    *(
        "rent",
        "flat",
        "50%",
        "it's",
        "a\\b",
        "{0}",
        "%s",
        "😀",
        "rent lunch",
        "rent rent",
        "a%b %s",
    ),
    *('"flat rent"', '"to the flat"', "-rent", "-flat", "rent or lunch", "flat or fee"),
    *("to:mara", "to:ana", "to:me", "from:me", "account:everyday", "account:pot", "400", "13.40"),
    *("amount:>50", "amount:>7.5", "amount:50..400", "date:2026-03", "date:2026-03-11..2026-03-14"),
    *("category:rent", "category:50%_", "ref:INV-7", "ref:%", "meta.channel:card", "tag:food"),
    *("-meta.channel:card", "has:note", "+13.40", "is:in account:pot", "is:in account:everyday"),
    *("is:booked", "is:hold", "type:deposit", "to:482109375549", "account:549", "@", "a@b", ""),
]


@pytest.fixture
def people(ana: User, mara: Account) -> list[tuple[User, str]]:
    analyst = User.objects.create_superuser("boss@example.com", "long enough words 1")
    return [(ana, MINE), (mara.user, MINE), (analyst, BANK), (ana, MINE)]


def sent(reader: User, kind: str, text: str, **more: Any) -> list[str]:
    """The statements of a search, with their values."""
    with watched() as work:
        scope, names = find_scope_and_names(reader, kind, parse(text))
        find(scope, text, names=names, **more)
    return [query.sql for query in work.queries]


def test_searches_of_one_shape_send_what_django_compiles_for_each(
    people: list[tuple[User, str]], books: dict[str, Transaction], monkeypatch: Any
) -> None:
    searches = [
        (reader, kind, text, sort, page)
        for reader, kind in people
        for text in TEXTS
        for sort, page in (("", 1), ("newest", 1), ("largest", 2))
    ]

    def all_sent() -> list[list[str]]:
        return [sent(*search[:3], sort=search[3], page=search[4]) for search in searches]

    all_sent()
    from_templates = all_sent()
    assert all(any(once.templates.values()) for once in KEPT)
    monkeypatch.setattr(compiled_once, "MAX_VALUES", -1)
    for search, one, other in zip(searches, from_templates, all_sent(), strict=True):
        assert one == other, search


@pytest.fixture
def nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has not searched yet."""
    for once in KEPT:
        monkeypatch.setattr(once, "templates", OrderedDict())
        monkeypatch.setattr(once, "kept", 0)


@pytest.mark.usefixtures("nothing_is_kept")
def test_words_of_one_shape_are_compiled_once(scope: Scope, monkeypatch: Any) -> None:
    find(scope, "rent mara")
    for once in (engine._rows, facets._columns):
        monkeypatch.setattr(once, "build", None)
    find(scope, "kettle deposit")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("nothing_is_kept")
def test_people_who_search_at_once_find_their_own_rows(
    ana: User, mara: Account, books: dict[str, Transaction]
) -> None:
    expected = {
        ana: {"rent": ["rent", "back"], "fee": ["fee"]},
        mara.user: {"rent": ["rent", "back", "secret"], "fee": []},
    }
    searches = [(who, text) for who in expected for text in expected[who]] * 10

    def found(search: tuple[User, str]) -> list[str]:
        try:
            rows = find(scope_for(search[0]), search[1], sort="oldest")
            return names_of(rows, books)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        for (who, text), rows in zip(searches, threads.map(found, searches), strict=True):
            assert sorted(rows) == sorted(expected[who][text]), (who, text)
