"""Searches over the whole bank: page after page, and values in any case."""

import pytest

from accounts.models import User
from tests.transactions.search.shared import names_of, search_for
from transactions.models import Transaction
from transactions.scope import Scope
from transactions.search.engine import find

pytestmark = pytest.mark.django_db
Books = dict[str, Transaction]


def test_pages_of_the_bank_join_without_a_gap(
    ana: User, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transactions.search.engine.PAGE", 4)
    bank = Scope(ana, is_bank=True)
    for sort in ("newest", "oldest", "largest"):
        pages = [names_of(find(bank, "", sort=sort, page=page), books) for page in (1, 2, 3)]
        assert [len(page) for page in pages] == [4, 4, 2]
        assert len({name for page in pages for name in page}) == 10
    newest = [name for page in (1, 2, 3) for name in names_of(find(bank, "", page=page), books)]
    assert newest[:7] == ["secret", "fee", "back", "saved", "lunch", "groceries", "rent"]


def test_values_are_found_in_any_case(ana: User, books: Books) -> None:
    bank = Scope(ana, is_bank=True)
    for text in ("meta.channel:card", "meta.channel:CARD", "meta.channel:Card"):
        assert search_for(bank, text, books) == ["groceries", "lunch"]
    assert search_for(bank, "category:RENT", books) == ["rent"]
    assert search_for(bank, 'category:"Eating Out"', books) == ["lunch"]
    assert search_for(bank, "-category:RENT meta.merchant.city:PORTO", books) == ["lunch"]
