"""What a statement shows is its address: words, amounts, days, a direction."""

from datetime import date
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account
from tests.factories import AccountFactory
from tests.pages import lacks, markup_of, text_of
from tests.transactions.statements.pages import entries_in, page_of
from transactions import services
from transactions.statements import page as statements
from transactions.statements.page import Filters, statement_page

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 30),
        ({"direction": "in"}, 10),
        ({"direction": "out"}, 20),
        ({"start": "2026-03-12", "end": "2026-03-12"}, 3),
        ({"start": "2026-03-18"}, 6),
        ({"end": "2026-03-10"}, 3),
        ({"q": "rent"}, 10),
        ({"q": "RENT 4"}, 1),
        ({"q": "groc"}, 10),
        ({"q": "ref7"}, 1),
        ({"q": "porto"}, 10),
        ({"q": "mara"}, 10),
        ({"q": "nobody"}, 0),
        ({"q": "'); drop"}, 0),
        ({"q": "!!"}, 0),
        ({"q": "rent", "direction": "in"}, 0),
        ({"q": "3"}, 10),
        ({"q": "3.00"}, 10),
        ({"q": "-3.00"}, 10),
        ({"q": "+3.00"}, 0),
        ({"q": "\u221210"}, 0),
        ({"q": "+10"}, 10),
        ({"q": "1,000.00"}, 0),
        ({"q": "-rent groceries"}, 10),
        ({"q": "-rent"}, 20),
        ({"q": '"rent 4"'}, 1),
        ({"q": "pay or groceries"}, 20),
        ({"q": "_"}, 0),
        ({"q": "account:everyday"}, 30),
        ({"q": "account:savings"}, 0),
        ({"q": "from:everyday"}, 20),
        ({"q": "with:everyday"}, 0),
    ],
)
def test_filters_in_the_address_pick_entries(
    ana: Client, account: Account, query: dict[str, str], count: int
) -> None:
    assert len(entries_in(page_of(ana, account, **query))) == count


def test_a_name_is_found_however_many_strangers_bear_it(ana: Client, account: Account) -> None:
    for n in range(60):
        AccountFactory(user__name=f"Zelenka {n}")
    landlord = AccountFactory(user__name="Zelenka Landlord", name="Her secret account")
    services.transfer(from_account=account, to_account=landlord, amount=Decimal(1))
    assert len(entries_in(page_of(ana, account, q="zelenka"))) == 1
    assert entries_in(page_of(ana, account, q="secret")) == []


def test_an_own_account_is_found_by_its_name_and_not_by_ones_own(
    ana: Client, account: Account
) -> None:
    savings = AccountFactory(user=account.user, name="Holiday pot")
    services.transfer(from_account=account, to_account=savings, amount=Decimal(1))
    assert len(entries_in(page_of(ana, account, q="holiday"))) == 1
    assert entries_in(page_of(ana, account, q="Ana")) == []


def test_a_period_opens_and_closes_with_its_balances(ana: Client, account: Account) -> None:
    page = page_of(ana, account, start="2026-03-12", end="2026-03-13").context["page"]
    assert (page.opening, page.closing) == (10, 20)
    page = page_of(ana, account, start="2026-03-01", end="2026-03-05").context["page"]
    assert (page.opening, page.closing, page.days) == (0, 0, [])
    page = page_of(ana, account, start="2026-04-01").context["page"]
    assert (page.opening, page.closing, page.days) == (50, 50, [])


def test_the_chosen_days_stand_on_their_chip(ana: Client, account: Account) -> None:
    assert "from 12 March" in text_of(page_of(ana, account, start="2026-03-12"))
    said = text_of(page_of(ana, account, start="2025-03-12", end="2026-03-13"))
    assert not lacks(said, "12 March 2025", "to 13 March")


def test_what_was_typed_stands_in_the_bar_of_no_other_page(ana: Client, account: Account) -> None:
    typed = {"q": "mara", "start": "2026-03-12", "end": "2026-03-13"}
    kinds = {"q": "text", "start": "date", "end": "date"}
    for _ in range(2):
        filled = markup_of(page_of(ana, account, **typed))
        plain = markup_of(page_of(ana, account))
        for name, value in typed.items():
            field = f'<input type="{kinds[name]}" name="{name}"'
            assert f'{field} value="{value}"' in filled
            assert field in plain
            assert f"{field} value=" not in plain


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"start": "2026-03-12", "end": "2026-03-01"}, "Choose 12 March 2026 or a later day."),
        ({"start": "yesterday"}, "From: Enter a valid date."),
        ({"end": "9999-12-31"}, "To: Choose a day from 1900 to 2999."),
        ({"before": "9" * 30}, "This page does not exist"),
        ({"direction": "sideways"}, "Choose “Money in” or “Money out”"),
    ],
)
def test_a_mistake_in_the_address_is_said_and_shows_and_exports_nothing(
    ana: Client, account: Account, query: dict[str, str], said: str
) -> None:
    response = page_of(ana, account, **query)
    assert said in text_of(response)
    assert entries_in(response) == []
    url = reverse("transactions:statement_csv", args=[account.pk])
    assert ana.get(url, query).status_code == 400


def test_days_are_those_of_the_banks_time_zone(account: Account) -> None:
    with timezone.override("Asia/Tokyo"):
        page = statement_page(account, Filters(start=date(2026, 3, 19), end=date(2026, 3, 19)))
    assert [entry.description for day in page.days for entry in day.entries] == [
        "Groceries",
        "Rent 9",
        "Pay",
    ][:3]


def test_words_are_looked_for_within_the_account_by_its_lexeme(account: Account) -> None:
    """The account's lexeme is for speed; `Entry.objects.for_account` is what permits."""
    entries = statements.entries_of(account, Filters(text="rent"))
    sql, parameters = entries.query.sql_with_params()
    assert "@@" in sql
    assert f"'@{account.pk.hex[-12:]}'" in parameters
    assert account.pk in parameters
