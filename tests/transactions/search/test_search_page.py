"""The page: its state in the address, chips and facets, htmx, and three queries at most."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from tests.factories import AccountFactory, UserFactory, hold_that_ended
from tests.pages import lacks, text_of
from tests.transactions.search.shared import (
    LEFT_OUT,
    SEARCH,
    booked,
    context_of,
    parameters_of,
    pay,
)
from transactions import services
from transactions.models import Transaction
from transactions.scope import scope_for
from transactions.search.language.parser import GROUPED

BELL = 'FROM "alerts"'  # how many alerts are unread
pytestmark = pytest.mark.django_db
Books = dict[str, Transaction]


def test_the_page_shows_the_count_and_the_totals(customer: Client, books: Books) -> None:
    def said(text: str) -> str:
        return text_of(customer.get(SEARCH, {"q": text})).replace("\xa0", " ")

    assert not lacks(said("is:booked"), "7 payments", "1,005.00 USD in", "435.40 USD out")
    assert not lacks(said("fee"), "1 payment", "2.00 USD out")


def test_each_hit_has_its_sign_and_leads_to_its_receipt(customer: Client, books: Books) -> None:
    hits = {hit.row.pk: hit for hit in context_of(customer, q="is:booked").hits}
    said = {
        name: (hit.amount, hit.direction)
        for name, row in books.items()
        if (hit := hits.get(row.pk))
    }
    assert said == {
        "salary": ("+1,000.00", "in"),
        "rent": ("\u2212400.00", "out"),
        "groceries": ("\u221213.40", "out"),
        "lunch": ("\u221220.00", "out"),
        "saved": ("100.00", "own"),
        "back": ("+5.00", "in"),
        "fee": ("\u22122.00", "out"),
    }
    rent = hits[books["rent"].pk]
    assert (rent.url, rent.headline) == (f"/transactions/{books['rent'].pk}/", "Mara Lindt")
    assert customer.get(rent.url).status_code == 200


def test_a_hold_is_marked_as_one(customer: Client, ana: User, books: Books) -> None:
    services.hold(from_account=scope_for(ana).accounts[0], amount=Decimal(5), description="Hotel")
    (hit,) = context_of(customer, q="hotel").hits
    assert (hit.badges, hit.css) == (["held"], "amount--pending")


def test_a_hold_that_has_ended_is_marked_as_expired(
    customer: Client, ana: User, books: Books
) -> None:
    hold_that_ended(scope_for(ana).accounts[0], Decimal(5), description="Hotel")
    (hit,) = context_of(customer, q="hotel").hits
    assert hit.badges == ["held", "expired"]


def test_a_page_behind_the_last_says_so(customer: Client, books: Books) -> None:
    assert context_of(customer, q="rent", page="9").sentence == "There is no page 9"
    assert context_of(customer, q="nothing such").sentence == "Nothing found"


def test_the_sums_say_that_holds_are_not_counted(customer: Client, ana: User, books: Books) -> None:
    without = "The sums do not count"
    assert without not in text_of(customer.get(SEARCH, {"q": "rent"}))
    account = scope_for(ana).accounts[0]
    held = services.hold(from_account=account, amount=Decimal(5), description="Hotel")
    services.capture(hold=held)
    services.hold(from_account=account, amount=Decimal(7), description="Hotel")
    page = text_of(customer.get(SEARCH, {"q": "hotel"})).replace("\xa0", " ")
    assert not lacks(page, "3 payments", "5.00 USD out", f"{without} 2 holds.")


def test_facets_add_filters_and_chips_remove_them(customer: Client, books: Books) -> None:
    page = context_of(customer, q="is:booked", sort="oldest")
    facets = {facet.label: facet.links for facet in page.facets}
    assert [link.label for link in facets["Category"]] == [
        "Eating out",
        "Groceries",
        "Rent",
        "Salary",
    ]
    assert [(link.label, link.count) for link in facets["Channel"]] == [
        ("card", 2),
        ("transfer", 1),
    ]
    assert [(link.label, link.count) for link in facets["Account"]] == [
        ("Everyday", 7),
        ("Holiday pot", 1),
    ]
    narrowed = parameters_of(facets["Category"][0].url)
    assert narrowed == {"q": 'is:booked category:"eating out"', "sort": "oldest"}
    page = context_of(customer, **narrowed)
    assert [hit.row.pk for hit in page.hits] == [books["lunch"].pk]
    assert [chip.label for chip in page.chips] == ["is:booked", 'category:"eating out"']
    assert parameters_of(page.chips[1].url) == {"q": "is:booked", "sort": "oldest"}
    (category,) = [facet for facet in page.facets if facet.label == "Category"]
    assert category.links[0].is_on
    assert parameters_of(category.links[0].url)["q"] == "is:booked"


def test_a_filter_of_one_alternative_has_no_chip(customer: Client, books: Books) -> None:
    assert context_of(customer, q="rent or salary is:in").chips == []
    page = context_of(customer, q="rent is:in or salary is:in")
    assert [chip.label for chip in page.chips] == ["is:in"]


def test_brackets_find_nothing_and_are_explained(customer: Client, books: Books) -> None:
    said = text_of(customer.get(SEARCH, {"q": "(rent or salary) is:in"}))
    assert GROUPED in said
    assert not re.search(r"[0-9] payments?", said)


def test_a_single_category_is_shown_beside_facets_that_narrow(customer: Client, ana: User) -> None:
    everyday = scope_for(ana).accounts[0]
    rent = {"metadata": {"category": "rent"}}
    booked(*(pay(day, "5", "Rent", to=everyday, **rent) for day in (0, 40)))
    facets = {facet.label: facet.links for facet in context_of(customer, q="rent").facets}
    assert [(link.label, link.count) for link in facets["Category"]] == [("Rent", 2)]
    assert [link.count for link in facets["Month"]] == [1, 1]
    assert set(facets) == {"Category", "Month"}
    assert context_of(customer, q="rent date:2026-03").facets[0].label != "Month"


def test_a_single_hit_has_no_facets(customer: Client, books: Books) -> None:
    assert context_of(customer, q="corner").facets == []


def test_every_facet_finds_as_many_as_it_says(customer: Client, books: Books) -> None:
    for text in ("is:booked", "rent or card", "march"):
        for facet in context_of(customer, q=text).facets:
            for link in facet.links:
                assert (
                    context_of(customer, **parameters_of(link.url)).result.facets.count
                    == link.count
                )


def test_a_mistake_is_shown_with_the_results_of_the_rest(customer: Client, books: Books) -> None:
    response = customer.get(SEARCH, {"q": "rent amout:400"})
    said = text_of(response)
    assert "There is no field “amout”." in said
    assert "2 payments" in said
    (mistake,) = response.context["page"].mistakes
    mended = parameters_of(mistake["links"][0].url)
    assert mended == {"q": "rent amount:400"}
    assert "1 payment" in text_of(customer.get(SEARCH, mended))


@pytest.mark.parametrize("text", ["rent account:nobody", "account:nobody", "fooo:5"])
def test_without_a_rest_the_page_does_not_mention_one(
    customer: Client, books: Books, text: str
) -> None:
    said = text_of(customer.get(SEARCH, {"q": text}))
    assert LEFT_OUT not in said
    assert LEFT_OUT in text_of(customer.get(SEARCH, {"q": "rent fooo:5"}))


def test_a_query_without_words_gets_a_hint(customer: Client, books: Books) -> None:
    for text in ('"', '""', "or or"):
        said = text_of(customer.get(SEARCH, {"q": text}))
        assert "not a search yet" in said
        assert "Nothing found" not in said


def test_an_amount_with_a_currency_links_to_the_fields(customer: Client, books: Books) -> None:
    page = context_of(customer, q="400 USD")
    assert [hit.row.pk for hit in page.hits] == [books["rent"].pk]
    (hint,) = page.mistakes
    (link,) = hint["links"]
    assert parameters_of(link.url) == {"q": "amount:400 currency:USD"}
    assert [hit.row.pk for hit in context_of(customer, **parameters_of(link.url)).hits] == [
        books["rent"].pk
    ]


@pytest.mark.parametrize("number", ["2", "5", "9999", "99999"])
def test_a_page_beyond_the_last_links_to_it(
    customer: Client, books: Books, monkeypatch: Any, number: str
) -> None:
    said = text_of(customer.get(SEARCH, {"q": "is:booked", "page": number}))
    assert f"There is no page {int(number):,}" in said
    assert "are on page 1 ." in said
    assert "Nothing found" not in said
    monkeypatch.setattr("transactions.search.engine.PAGE", 3)
    shown = customer.get(SEARCH, {"q": "is:booked", "sort": "oldest", "page": "9999"})
    page = shown.context["page"]
    assert "page 3" in text_of(shown)
    assert parameters_of(page.last_url) == {"q": "is:booked", "sort": "oldest", "page": "3"}
    assert parameters_of(page.first_url) == {"q": "is:booked", "sort": "oldest"}
    assert len(context_of(customer, **parameters_of(page.last_url)).hits) == 1
    empty = customer.get(SEARCH, {"q": "zzzz", "page": number})
    assert "Nothing found" in text_of(empty)


def test_sorted_by_best_there_are_pages_for_the_ranked_rows(
    customer: Client, books: Books, monkeypatch: Any
) -> None:
    monkeypatch.setattr("transactions.search.engine.PAGE", 1)
    monkeypatch.setattr("transactions.search.engine.RANKED", 1)
    page = context_of(customer, q="rent", page="7")
    assert (page.result.sort, page.result.facets.count, page.result.last_page) == ("best", 2, 1)


def test_an_unfinished_field_is_a_hint(customer: Client, books: Books) -> None:
    response = customer.get(SEARCH, {"q": "rent amount:"})
    assert "amount:&gt;100" in response.content.decode()
    assert 'class="alert' not in response.content.decode()
    assert "2 payments" in text_of(response)


def test_the_last_word_completes_to_a_field_or_an_account(customer: Client, books: Books) -> None:
    def completions(text: str) -> list[str]:
        return [parameters_of(link.url)["q"] for link in context_of(customer, q=text).completions]

    assert completions("rent cat") == ["rent category:"]
    assert completions("me") == ["meta."]
    assert completions("account:hol") == ['account:"Holiday pot"']
    assert completions("rent") == []


def test_a_typo_links_to_suggestions(customer: Client, books: Books) -> None:
    page = context_of(customer, q="marsh salray")
    assert page.hits == []
    assert [parameters_of(link.url)["q"] for link in page.suggestion_links]


def test_htmx_gets_the_results_alone(customer: Client, books: Books) -> None:
    whole = customer.get(SEARCH, {"q": "rent"})
    part = customer.get(SEARCH, {"q": "rent"}, headers={"HX-Request": "true"})
    assert "<html" in whole.content.decode()
    assert "<html" not in part.content.decode()
    assert "2 payments" in text_of(part)
    assert "HX-Request" in part["Vary"]
    again = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    assert "<html" in customer.get(SEARCH, {"q": "rent"}, headers=again).content.decode()


def test_the_box_shows_the_query_and_works_without_a_script(customer: Client, books: Books) -> None:
    page = customer.get(SEARCH, {"q": 'to:"x" <b>'}).content.decode()
    assert 'value="to:&quot;x&quot; &lt;b&gt;"' in page
    assert '<form class="finder no-print" role="search" action="/search/"' in page
    assert page.count('type="search"') == 1


def test_without_a_query_the_page_shows_examples_from_ones_own_rows(
    customer: Client, books: Books
) -> None:
    page = context_of(customer)
    examples = [example["query"] for example in page.examples]
    assert {"to:Mara", "account:Everyday", 'category:"eating out"', "currency:USD"} <= set(examples)
    assert customer.get(SEARCH).content.count(b"entry__who") == 0
    for example in page.examples:
        found = context_of(customer, **parameters_of(example["url"]))
        assert all(mistake.is_advice for mistake in found.result.mistakes), example


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rent",
        "rent or mara -card",
        "is:in",
        "to:mara amount:>5",
        "salray",
        "amout:5",
        "account:everyday or to:corner",
        "zzzz",
    ],
)
@pytest.mark.parametrize("number", ["1", "2", "9999"])
def test_a_page_takes_three_queries_beside_session_and_reader(
    customer: Client, books: Books, text: str, number: str
) -> None:
    """And beside what each process asks once in ten minutes."""
    with CaptureQueriesContext(connection) as captured:
        customer.get(SEARCH, {"q": text, "page": number})
    others = ('"sessions"', "auth_permission", "pg_stats", 'SELECT "users"."last_login"', BELL)
    sent = [query["sql"] for query in captured.captured_queries]
    mine = [sql for sql in sent if not any(other in sql[:3000] for other in others)]
    assert len(mine) <= 3, mine


def test_odd_parameters_are_no_error(customer: Client, books: Books) -> None:
    odd = [{"page": page} for page in ("-1", "x", "99999", "\u00b2")]
    odd += [{"sort": "up"}, {"whose": "all"}, {"q": "\x00"}, {"q": "x" * 10_000}, {"plans": "1"}]
    for query in odd:
        assert customer.get(SEARCH, {"q": "rent", **query}).status_code == 200


def test_a_page_is_light(customer: Client, ana: User) -> None:
    account = scope_for(ana).accounts[0]
    for n in range(26):
        services.deposit(
            to_account=account, amount=Decimal(1), description="needle " + "\U0001f389" * 490,
            reference="x" * 140, metadata={f"key{k}": f"needle {n} " * 70 for k in range(20)},
        )  # fmt: skip
    assert len(customer.get(SEARCH, {"q": "needle"}).content) < 60_000


def test_a_statements_filter_shows_its_mistakes(customer: Client, ana: User, books: Books) -> None:
    url = reverse("transactions:statement", args=[scope_for(ana).accounts[0].pk])
    page = customer.get(url, {"q": "rent amout:5", "direction": "out"}).content.decode()
    assert "There is no field “amout”." in page
    assert f'href="{url}?direction=out&amp;q=rent+amount%3A5"' in page


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("rent", ["rent", "back"]),
        ("to:mara", ["rent"]),
        ("to:corner", ["groceries"]),
        ("from:corner", []),
        ("from:salary", ["salary"]),
        ("with:casa", ["lunch"]),
        ("from:mara", ["back"]),
        ("with:mara -rental", ["rent"]),
        ("to:me", ["salary", "saved", "back"]),
        ("from:me", ["rent", "groceries", "lunch", "saved", "fee"]),
        ("to:holiday", ["saved"]),
        ("holiday", ["saved"]),
        ("is:own", ["saved"]),
        ("is:in", ["salary", "back"]),
        ("amount:>100", ["salary", "rent"]),
        ("+5", ["back"]),
        ("category:rent or meta.channel:card", ["rent", "groceries", "lunch"]),
        ("has:meta.fx.rate", ["lunch", "saved"]),
        ("-mara date:2026-03-12..", ["groceries", "lunch", "saved", "fee"]),
        ("account:everyday fee", ["fee"]),
        ("is:pending", []),
        ("is:expired", []),
        ("is:refund", []),
        ("!!", []),
        ("ref:inv", ["rent"]),
    ],
)
def test_a_statements_filter_speaks_the_same_language(
    customer: Client, ana: User, books: Books, text: str, names: list[str]
) -> None:
    url = reverse("transactions:statement", args=[scope_for(ana).accounts[0].pk])
    page = customer.get(url, {"q": text}).context["page"]
    by_id = {row.pk: name for name, row in books.items()}
    found = [by_id[entry.transaction_id] for entry in page.entries]
    assert found[::-1] == names


def test_every_currency_has_its_sum(client: Client, db: Any) -> None:
    user = UserFactory()
    for currency in (codes := ["USD", "EUR", "JPY", "KWD", "CHF", "GBP"]):
        account = AccountFactory(user=user, currency=currency)
        services.deposit(to_account=account, amount=Decimal(100), description="Coffee")
    client.force_login(user)
    said = text_of(client.get("/search/", {"q": "coffee"}))
    head = said[said.index("6 payments") :].split("My money")[0].split("Best")[0]
    assert [code for code in codes if f"{code} in" in head] == codes
