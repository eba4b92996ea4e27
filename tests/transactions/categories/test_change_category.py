"""The page that changes the category of all payments of a search, and takes changes back."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import sent_bytes
from accounts.models import Account, User
from ledger.db.ids import uuid7
from tests.pages import text_of
from tests.transactions.search.shared import names_of, search_for
from tests.transactions.table_files import csv_of
from transactions.annotations.models import OwnCategory
from transactions.categories import services as categories
from transactions.categories.forms import MISTAKE
from transactions.categories.rules import apply_to_past, save_rule
from transactions.models import Transaction
from transactions.scope import Scope, scope_for
from transactions.search.engine import find
from transactions.search.language.parser import parse

pytestmark = pytest.mark.django_db
Books = dict[str, Transaction]
URL = "/categories/"


@pytest.fixture
def browser(client: Client, ana: User) -> Client:
    client.force_login(ana)
    return client


def change(client: Client, query: str, category: str, id: object = None) -> Any:
    data = {"q": query, "category": category, "id": str(id or uuid7())}
    return client.post(URL, data, follow=True)


def shown(page: Any) -> str:
    return re.sub(r"\s+", " ", text_of(page))


def test_before_a_change_it_shows_how_many_payments_and_their_categories(
    browser: Client, books: Books
) -> None:
    page = shown(browser.get(URL, {"q": "is:out amount:<50"}))
    assert "3 payments" in page
    assert "1 Eating out, 1 Groceries, 1 without a category" in page
    assert "Change 3 payments" in page
    assert not OwnCategory.objects.exists()


def test_all_payments_of_a_search_get_the_category_and_the_books_stay(
    browser: Client, ana: User, scope: Scope, books: Books
) -> None:
    before = list(Transaction.objects.order_by("pk").values())
    page = shown(change(browser, "is:out amount:<50", " Daily  Life "))
    assert "3 payments are now in Daily life" in page
    assert search_for(scope, 'category:"daily life"', books) == ["groceries", "lunch", "fee"]
    assert search_for(scope, "category:groceries", books) == []
    assert search_for(scope, "category:none -is:in", books) == ["saved"]
    assert find(scope, "casa").facets.category == [("daily life", 1)]
    everyday = scope_for(ana).accounts[0]
    for url in ("/", "/search/?q=casa", f"/accounts/{everyday.pk}/?q=casa"):
        assert "Daily life" in shown(browser.get(url))
    assert "Daily life" in shown(browser.get(f"/transactions/{books['lunch'].pk}/"))
    for url in ("/search/results.csv?q=casa", f"/accounts/{everyday.pk}/statement.csv?q=casa"):
        assert csv_of(browser, url)[0]["category"] == "daily life"
    assert list(Transaction.objects.order_by("pk").values()) == before


def test_the_other_side_keeps_its_category(
    browser: Client, ana: User, mara: Account, books: Books
) -> None:
    change(browser, "rent", "Flat")
    hers = scope_for(mara.user)
    assert names_of(find(hers, "category:rent"), books) == ["rent"]
    assert find(hers, "category:flat").rows == []


def test_a_category_changes_in_one_statement(ana: User, scope: Scope, books: Books) -> None:
    with CaptureQueriesContext(
        connection,
    ) as log:
        categories.give_category(
            owner=ana, rows=scope.transactions(), category="all", change=uuid7()
        )
    assert sum("INSERT" in query["sql"] for query in log) == 1
    assert OwnCategory.objects.of(ana).count() == 7


def test_undoing_a_change_brings_back_what_counted_before(
    browser: Client, scope: Scope, books: Books
) -> None:
    change(browser, "casa", "Fun")
    change(browser, "is:out amount:<50", "Daily life")
    first, second = OwnCategory.objects.values_list("change", flat=True).distinct()[:2]
    newest = OwnCategory.objects.newest_first()[0].change
    oldest = first if newest == second else second
    page = shown(browser.post(f"{URL}{newest}/undo/", follow=True))
    assert "The change of 3 payments is undone." in page
    assert search_for(scope, "category:fun", books) == ["lunch"]
    assert search_for(scope, "category:groceries", books) == ["groceries"]
    browser.post(f"{URL}{oldest}/undo/")
    assert search_for(scope, '"casa" category:"eating out"', books) == ["lunch"]
    assert "undone already" in shown(browser.post(f"{URL}{oldest}/undo/", follow=True))


def test_the_first_change_can_be_undone_below_a_later_one(
    browser: Client, scope: Scope, books: Books
) -> None:
    change(browser, "casa", "Fun")
    first = OwnCategory.objects.get().change
    change(browser, "casa", "Trips")
    browser.post(f"{URL}{first}/undo/")
    assert search_for(scope, "category:trips", books) == ["lunch"]


def test_what_can_no_longer_be_undone_is_deleted(
    browser: Client, scope: Scope, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transactions.annotations.categories.MAX_CHANGES", 2)
    change(browser, "corner", "Old")
    for number in range(5):
        change(browser, "casa", f"Fun {number}")
    assert OwnCategory.objects.count() == 1 + 2 + 1
    for _ in range(2):
        change_of_lunch = OwnCategory.objects.filter(transaction=books["lunch"]).newest_first()
        browser.post(f"{URL}{change_of_lunch[0].change}/undo/")
    assert search_for(scope, 'category:"fun 2"', books) == ["lunch"]
    assert search_for(scope, "category:old", books) == ["groceries"]


def test_rows_of_changes_count_as_sent(
    browser: Client, ana: User, scope: Scope, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small request could store megabytes."""
    counted = list[tuple[Any, int]]()
    monkeypatch.setattr(sent_bytes._sent, "add", lambda *facts: counted.append(facts[:2]))
    rule = save_rule(owner=ana, name="Rule", query="corner", category="food")
    for _ in range(2):
        apply_to_past(rule=rule)
    few = scope.transactions().filter(pk__in=[books["lunch"].pk, books["fee"].pk])
    categories.give_category(owner=ana, rows=few, category="fun", change=uuid7())
    assert counted == [(ana.pk, sent_bytes.LEAST * rows) for rows in (1, 2, 2)]


def test_sent_twice_it_changes_once(browser: Client, books: Books) -> None:
    id = uuid7()
    change(browser, "casa", "Fun", id)
    change(browser, "casa", "Fun", id)
    assert OwnCategory.objects.count() == 1


def test_another_category_in_the_form_of_before_is_given_too(
    browser: Client, scope: Scope, books: Books
) -> None:
    """As after Back, when the browser shows the form again that was sent."""
    id = uuid7()
    change(browser, "casa", "Fun", id)
    change(browser, "casa", "Trips", id)
    assert search_for(scope, "category:trips", books) == ["lunch"]
    assert OwnCategory.objects.values("change").distinct().count() == 2
    assert "1 payment is now in Fun" in shown(change(browser, "casa", "Fun", id))
    assert search_for(scope, "category:fun", books) == ["lunch"]
    assert "2 payments are now in Fun" in shown(change(browser, "is:out amount:<50", "Fun", id))
    assert "2 payments are now in Fun" in shown(change(browser, "is:out amount:<50", "Fun", id))


def test_what_was_given_the_category_already_is_left_out(browser: Client, books: Books) -> None:
    """A payment that is in it of itself is not: the choice must beat later rules."""
    change(browser, "casa", "Groceries")
    page = shown(change(browser, "corner or casa", "GROCERIES"))
    assert "1 payment is now in Groceries" in page
    again = shown(change(browser, "corner or casa", "Groceries"))
    assert "are already in Groceries" in again


def test_too_many_payments_change_nothing(
    browser: Client, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(categories, "MAX_PER_CHANGE", 2)
    page = shown(change(browser, "is:out", "Fun"))
    assert "Search for fewer payments" in page
    assert not OwnCategory.objects.exists()


@pytest.mark.parametrize(
    ("query", "category", "said"),
    [
        ("", "Fun", "Type what to search for"),
        ("rent", "", "required"),
        ("rent", "none", "Choose another word"),
        ("rent", "***", "letters or digits"),
        ("rent", 'a"b', "cannot contain quotes"),
        ("rent", "x" * 61, "at most 60"),
        ("rent", "\u3164", "letters or digits"),
    ],
)
def test_what_cannot_be_changed_is_said(
    browser: Client, books: Books, query: str, category: str, said: str
) -> None:
    page = change(browser, query, category)
    assert said in shown(page)
    assert not OwnCategory.objects.exists()


def test_nobody_changes_or_undoes_what_is_of_others(
    browser: Client, client: Client, mara: Account, books: Books
) -> None:
    assert "Nothing changed" in shown(change(browser, "secretword", "Fun"))
    assert not OwnCategory.objects.exists()
    change(browser, "casa", "Flat")
    given = OwnCategory.objects.get()
    other = Client()
    other.force_login(mara.user)
    assert "undone already" in shown(other.post(f"{URL}{given.change}/undo/", follow=True))
    assert OwnCategory.objects.filter(pk=given.pk).exists()


@pytest.mark.parametrize("query", ["", " ", "amount:>"])
def test_without_a_search_the_page_offers_to_search_first_and_changes_nothing(
    browser: Client, books: Books, query: str
) -> None:
    page = shown(browser.get(URL, {"q": query}))
    assert "Find payments and set the same category for all of them." in page
    assert "Rules set the category of new payments." in page
    assert "Last changes" in page
    assert not re.search(r"Change \d|New category|payments? found", page)
    assert "No payments match" not in page


@pytest.mark.parametrize("query", ["(rent or lunch) is:out", "rent amout:400", "rent amount:>"])
def test_a_search_with_a_mistake_changes_nothing(browser: Client, books: Books, query: str) -> None:
    page = shown(browser.get(URL, {"q": query}))
    assert parse(query).mistakes[0].sentence[:15] in page
    assert not re.search(r"Change \d|New category", page)
    assert MISTAKE in shown(change(browser, query, "food"))
    assert not OwnCategory.objects.exists()


def test_without_a_change_the_page_says_what_to_do(browser: Client) -> None:
    page = shown(browser.get(URL))
    assert "You have not set a category yet" in page
    assert "Undo" not in page


def test_the_search_and_the_receipt_lead_to_it(browser: Client, books: Books) -> None:
    assert 'href="/categories/?q=casa"' in browser.get("/search/?q=casa").content.decode()
    receipt = browser.get(f"/transactions/{books['lunch'].pk}/").content.decode()
    url = f"/categories/?q=id:{books['lunch'].pk}"
    assert url in receipt
    assert "1 payment" in shown(browser.get(url))
