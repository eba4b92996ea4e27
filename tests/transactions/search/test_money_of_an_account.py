"""With `account:`, what came in and went out is of that account: its own books, to the cent."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from accounts.models import Account, User
from tests.pages import lacks, text_of
from tests.transactions.search.shared import search_for
from transactions.models import Entry, Transaction
from transactions.scope import Scope, scope_for
from transactions.search.engine import entries_with, find
from transactions.search.language.terms import token
from transactions.search.sql import compiler

pytestmark = pytest.mark.django_db
Books = dict[str, Transaction]


def money_of(scope: Scope, text: str) -> tuple[Decimal, Decimal]:
    (total,) = find(scope, text).facets.totals
    return total.money_in, total.money_out


def test_each_accounts_figures_come_to_its_balance(ana: User, mara: Account, books: Books) -> None:
    everyday, pot = scope_for(ana).accounts
    assert money_of(scope_for(ana), "account:everyday") == (Decimal(1005), Decimal("535.40"))
    assert money_of(scope_for(ana), "account:holiday") == (Decimal(100), 0)
    whole = Scope(ana, is_bank=True)
    for scope, account in ((scope_for(ana), everyday), (scope_for(ana), pot),
                           (whole, everyday), (whole, pot), (whole, mara)):  # fmt: skip
        came, went = money_of(scope, f"account:{account.number}")
        account.refresh_from_db()
        assert came - went == account.balance


def test_totals_are_of_the_named_accounts_and_of_the_scope_without_names(
    scope: Scope, books: Books
) -> None:
    whole = (Decimal(1005), Decimal("435.40"))
    assert money_of(scope, "is:booked") == whole
    assert money_of(scope, "account:everyday or account:holiday") == whole
    assert money_of(scope, "account:everyday or category:salary") == whole
    assert money_of(scope, "account:holiday or is:own") == (0, 0)
    assert money_of(scope, "-account:holiday") == whole
    assert money_of(scope, "account:holiday rent or account:holiday") == (Decimal(100), 0)


def test_a_strangers_account_has_no_totals(scope: Scope, mara: Account, books: Books) -> None:
    for text in (f"account:{mara.number}", "account:flat", "account:zelenka"):
        found = find(scope, text)
        assert (found.rows, found.named_accounts, found.facets.totals) == ([], (), [])


def test_the_page_says_which_accounts_the_totals_are_of(customer: Client, books: Books) -> None:
    def page(text: str) -> tuple[str, Any]:
        response = customer.get("/search/", {"q": text})
        return text_of(response).replace("\xa0", " "), response.context["page"]

    said, shown = page("account:holiday")
    assert "100.00 USD in" in said
    assert "out of Holiday pot" in said
    assert [(hit.amount, hit.headline, hit.account) for hit in shown.hits] == [
        ("+100.00", "Everyday", "Holiday pot")
    ]
    said, shown = page("account:everyday is:own")
    assert "100.00 USD out" in said
    assert [(hit.amount, hit.headline) for hit in shown.hits] == [("\u2212100.00", "Holiday pot")]
    said, _ = page("account:everyday or account:holiday")
    assert "out of these accounts" in said
    assert "Money in and out of" not in page("is:booked")[0]
    assert "Money in and out of" not in page("account:nobody")[0]


def test_over_the_bank_an_accounts_figures_count_its_transfers(
    staff: Client, mara: Account, books: Books
) -> None:
    response = staff.get("/search/", {"q": token("account", mara.number), "whose": "bank"})
    said = text_of(response).replace("\xa0", " ")
    assert not lacks(said, "4 payments", "457.00 USD in", "5.00 USD out")
    assert "out of this account" in said
    assert [(hit.amount, hit.headline) for hit in response.context["page"].hits] == [
        ("+7.00", "Zelenka Stranger"),
        ("\u22125.00", "Ana Ferreira"),
        ("+400.00", "Ana Ferreira"),
        ("+50.00", "Opening"),
    ]


def test_in_and_out_are_seen_from_the_named_account(ana: User, scope: Scope, books: Books) -> None:
    everyday, pot = scope.accounts
    said = {
        "account:everyday is:in": ["salary", "back"],
        "account:everyday is:out": ["rent", "groceries", "lunch", "saved", "fee"],
        "account:holiday is:in": ["saved"],
        "account:holiday is:out": [],
        "account:holiday +100": ["saved"],
        "account:everyday -100": ["saved"],
        "-100": [],
        "account:holiday -is:in": [],
        "account:everyday account:holiday is:out": [],
        "account:everyday is:out amount:100 or account:holiday is:in": ["saved"],
        "rent is:out or account:holiday is:in": ["rent", "saved"],
        "-account:everyday is:in": [],
        "account:everyday is:own": ["saved"],
    }
    for text, names in said.items():
        assert search_for(scope, text, books) == names, text
    for account in (everyday, pot):  # as its statement says it
        entries = Entry.objects.for_account(account)
        for text in ("is:in", "is:out", "is:own", "+100", "-100"):
            rows = entries_with(entries, text, account).values_list("transaction_id", flat=True)
            named = search_for(scope, f"account:{account.number} {text}", books)
            assert {books[name].pk for name in named} == set(rows), text
    whole = Scope(ana, is_bank=True)
    assert search_for(whole, f"account:{pot.number} is:in", books) == ["saved"]
    assert search_for(whole, f"account:{everyday.pk} is:out amount:>=100", books) == [
        "rent", "saved",
    ]  # fmt: skip
    assert search_for(whole, f"account:{ana.pk} is:out amount:>=100", books) == ["rent"]


def test_with_too_many_named_accounts_totals_are_of_the_scope(
    scope: Scope, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiler, "MOST_NAMED", 1)
    found = find(scope, "account:holiday")
    assert found.named_accounts == (scope.accounts[1].pk,)
    both = find(scope, "account:everyday or account:holiday")
    assert (both.named_accounts, len(both.rows)) == ((), 7)
    assert money_of(scope, "account:everyday or account:holiday is:own") == (
        Decimal(1005), Decimal("435.40"),
    )  # fmt: skip
