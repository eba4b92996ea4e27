"""Budgets: what is left, what was usual, and the day on which it will be gone at this pace."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from accounts.models import Account, User
from ledger.db.ids import uuid7
from tests.factories import AccountFactory
from tests.pages import text_of
from tests.transactions.table_files import csv_of
from transactions import services
from transactions.categories import budgets
from transactions.categories.budgets import (
    BudgetLine,
    budget_lines,
    remove_budget,
    save_budget,
)
from transactions.categories.models import Budget
from transactions.categories.services import give_category
from transactions.exceptions import InvalidDetails
from transactions.models import Transaction
from transactions.scope import scope_for

pytestmark = pytest.mark.django_db
TENTH = date(2026, 3, 10)
URL = "/budgets/"


@pytest.fixture
def everyday() -> Account:
    account: Account = AccountFactory(name="Everyday", user__name="Ana Ferreira")
    paid(account, -5000, "salary", 2025, 1)
    return account


@pytest.fixture
def ana(everyday: Account) -> User:
    return everyday.user


@pytest.fixture
def browser(client: Client, ana: User) -> Client:
    client.force_login(ana)
    return client


def paid(
    account: Account,
    amount: int,
    category: str,
    year: int,
    month: int,
    day: int = 1,
    reverses: Transaction | None = None,
) -> Transaction:
    """A payment out of the account, or into it if the amount is negative. The payment is at noon,
    or now if noon is still to come.
    """
    is_out = amount > 0
    return services.book(
        services.Draft(
            from_account=account if is_out else None,
            to_account=None if is_out else account,
            amount=Decimal(abs(amount)),
            reverses=reverses,
            created_at=min(datetime(year, month, day, 12, tzinfo=UTC), timezone.now()),
            metadata={"category": category} if category else {},
        )
    )


def line(owner: User, amount: int = 100, today: date = TENTH) -> BudgetLine:
    save_budget(owner=owner, category="food", currency="USD", amount=Decimal(amount))
    (found,) = budget_lines(owner, today)
    return found


def shown(page: Any) -> str:
    return re.sub(r"\s+", " ", text_of(page))


def test_what_is_left_and_when_it_will_be_gone(ana: User, everyday: Account) -> None:
    paid(everyday, 30, "Food", 2026, 3, 2)
    paid(everyday, 20, "food", 2026, 3, 10)
    paid(everyday, 9, "rent", 2026, 3, 10)
    found = line(ana)
    assert (found.spent, found.left, found.share) == (50, 50, 50)
    assert found.gone_on == date(2026, 3, 20)  # five a day
    assert "fully spent on 20 March" in found.forecast


def test_what_lasts_the_month_has_no_day(ana: User, everyday: Account) -> None:
    paid(everyday, 10, "food", 2026, 3, 2)
    found = line(ana)
    assert found.gone_on is None
    assert "lasts until the end of the month" in found.forecast


def test_over_since_the_day_on_which_the_sum_passed_it(ana: User, everyday: Account) -> None:
    for day in (2, 5, 9):
        paid(everyday, 60, "food", 2026, 3, day)
    found = line(ana)
    assert found.left == -80
    assert found.over_since == date(2026, 3, 5)
    assert found.figure.replace("\xa0", " ") == "80.00 USD over"


def test_the_usual_is_the_mean_of_the_months_before(ana: User, everyday: Account) -> None:
    for month, amount in ((9, 600), (10, 10), (11, 20), (1, 31)):
        paid(everyday, amount, "food", 2026 if month == 1 else 2025, month, 7)
    assert line(ana).usual == Decimal("110.17")


def test_after_less_than_three_months_nothing_is_usual(ana: User, everyday: Account) -> None:
    paid(everyday, 60, "food", 2026, 1, 7)
    found = line(ana)
    assert found.usual is None
    assert found.usually == ""


def test_own_categories_count_and_transfers_between_own_accounts_do_not(
    ana: User, everyday: Account
) -> None:
    pot = AccountFactory(user=ana, name="Pot")
    paid(everyday, 7, "fun", 2026, 3, 2)
    food = paid(everyday, 11, "food", 2026, 3, 3)
    services.book(
        services.Draft(
            from_account=everyday, to_account=pot, amount=Decimal(500),
            metadata={"category": "food"}, created_at=datetime(2026, 3, 4, 12, tzinfo=UTC),
        )
    )  # fmt: skip
    rows = scope_for(ana).transactions().filter(category="fun")
    give_category(owner=ana, rows=rows, category="food", change=uuid7())
    rows = scope_for(ana).transactions().filter(pk=food.pk)
    give_category(owner=ana, rows=rows, category="gifts", change=uuid7())
    assert line(ana).spent == 7


def test_a_refund_gives_back_in_the_category_of_what_it_refunds(
    ana: User, everyday: Account
) -> None:
    bought = paid(everyday, 40, "food", 2026, 3, 2)
    paid(everyday, -15, "", 2026, 3, 6, reverses=bought)
    assert line(ana).spent == 25


def test_a_refund_follows_the_own_category_of_what_it_refunds(ana: User, everyday: Account) -> None:
    bought = paid(everyday, 40, "fun", 2026, 3, 2)
    paid(everyday, -15, "", 2026, 3, 6, reverses=bought)
    rows = scope_for(ana).transactions().filter(pk=bought.pk)
    give_category(owner=ana, rows=rows, category="food", change=uuid7())
    assert line(ana).spent == 25


@override_settings(TIME_ZONE="America/New_York")
def test_a_month_is_that_of_the_banks_time_zone(ana: User, everyday: Account) -> None:
    for hour, amount in ((3, 7), (6, 11)):  # in UTC: 28 February and 1 March in New York
        services.book(
            services.Draft(
                from_account=everyday, amount=Decimal(amount), metadata={"category": "food"},
                created_at=datetime(2026, 3, 1, hour, tzinfo=UTC),
            )
        )  # fmt: skip
    assert line(ana).spent == 11


def test_more_that_came_back_than_was_spent_is_said(
    browser: Client, ana: User, everyday: Account
) -> None:
    this_month = timezone.localdate().replace(day=1)
    before = this_month - timedelta(days=20)
    bought = paid(everyday, 40, "food", before.year, before.month, before.day)
    save_budget(owner=ana, category="food", currency="USD", amount=Decimal(100))
    services.reverse(transaction=bought)
    assert "Refunds exceeded spending by 40.00 USD" in shown(browser.get(URL))


def test_money_in_another_currency_or_of_others_does_not_count(
    ana: User, everyday: Account
) -> None:
    euros = AccountFactory(user=ana, currency="EUR", balance="90")
    paid(euros, 40, "food", 2026, 3, 2)
    other = AccountFactory(balance="90")
    paid(other, 40, "food", 2026, 3, 2)
    assert line(ana).spent == 0


def test_a_budget_is_added_changed_and_removed(browser: Client, ana: User) -> None:
    assert "No budget yet" in shown(browser.get(URL))
    data = {"category": "Eating out", "amount": "1,200.50", "currency": "USD"}
    assert "budget for Eating out is saved" in shown(browser.post(f"{URL}new/", data, follow=True))
    (made,) = Budget.objects.owned_by(ana)
    assert made.amount == Decimal("1200.50")
    data = {"category": "food", "amount": "90", "currency": "USD"}
    browser.post(f"{URL}{made.pk}/", data)
    (changed,) = Budget.objects.owned_by(ana)
    assert (changed.category, changed.amount) == ("food", 90)
    page = shown(browser.get(URL))
    assert "You are within every budget" in page
    assert "90.00 USD left" in page
    assert csv_of(browser, f"{URL}budgets.csv")[0]["left"] == "90.00"
    assert "no longer has a budget" in shown(
        browser.post(f"{URL}{changed.pk}/remove/", follow=True)
    )
    assert not Budget.objects.exists()


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("category", "none", "Choose another word"),
        ("amount", "0", "above zero"),
        ("amount", "1.234", "decimals"),
        ("amount", "lots", "amount"),
        ("currency", "JPY", "Select a valid choice"),
    ],
)
def test_what_cannot_be_saved_is_said(browser: Client, field: str, typed: str, said: str) -> None:
    data = {"category": "food", "amount": "90", "currency": "USD", field: typed}
    assert said in shown(browser.post(f"{URL}new/", data))
    assert not Budget.objects.exists()


def test_a_category_has_one_budget_a_currency(
    browser: Client, ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    line(ana)
    data = {"category": "FOOD", "amount": "90", "currency": "USD"}
    assert "Change that budget" in shown(browser.post(f"{URL}new/", data))
    monkeypatch.setattr(budgets, "MAX_BUDGETS", 1)
    data["category"] = "other"
    assert "Remove one first" in shown(browser.post(f"{URL}new/", data))
    assert Budget.objects.get().amount == 100


def test_a_refused_budget_leads_to_the_one_that_is_there(browser: Client, ana: User) -> None:
    made = save_budget(owner=ana, category="food", currency="USD", amount=Decimal(100))
    data = {"category": "FOOD", "amount": "90", "currency": "USD"}
    page = browser.post(f"{URL}new/", data).content.decode()
    assert f'href="{URL}{made.pk}/">Open it' in page


def test_a_budget_in_which_nothing_was_ever_spent_asks_for_its_spelling(
    browser: Client, ana: User, everyday: Account
) -> None:
    today = timezone.localdate()
    paid(everyday, 10, "food", today.year, today.month, 1)
    for category in ("food", "foods"):
        save_budget(owner=ana, category=category, currency="USD", amount=Decimal(100))
    used, misspelled = budget_lines(ana)
    assert (used.is_used, misspelled.is_used) == (True, False)
    page = shown(browser.get(URL))
    assert page.count("is spelled as on your payments") == 1
    six_before = date(2026, 3, 1)
    assert "since March 2026" in replace(misspelled, today=date(2026, 9, 30)).forecast
    paid(everyday, 10, "foods", six_before.year, six_before.month)
    assert [found.is_used for found in budget_lines(ana, date(2026, 9, 30))] == [True, True]


def test_the_form_offers_the_categories_in_use(
    browser: Client, ana: User, everyday: Account
) -> None:
    today = timezone.localdate()
    paid(everyday, 10, "Eating_Out", today.year, today.month, 1)
    paid(AccountFactory(balance="90"), 10, "secret", today.year, today.month, 1)
    rows = scope_for(ana).transactions().filter(type="deposit")
    give_category(owner=ana, rows=rows, category="wages", change=uuid7())
    page = browser.get(f"{URL}new/").content.decode()
    assert re.findall(r'<option\s+value="([^"]+)"></option>', page) == ["Eating out", "Wages"]
    browser.post(f"{URL}new/", {"category": "Eating out", "amount": "90", "currency": "USD"})
    assert Budget.objects.get().category == "eating_out"


def test_budgets_of_others_do_not_exist(browser: Client) -> None:
    other = AccountFactory().user
    theirs = save_budget(owner=other, category="food", currency="USD", amount=Decimal(7))
    assert "No budget yet" in shown(browser.get(URL))
    assert browser.get(f"{URL}{theirs.pk}/").status_code == 404
    assert browser.post(f"{URL}{theirs.pk}/remove/").status_code == 404
    assert Budget.objects.get() == theirs


def test_the_page_shows_its_query(browser: Client, ana: User) -> None:
    line(ana)
    page = shown(browser.get(f"{URL}?work=1"))
    assert "PARTITION BY category" in page


@pytest.mark.parametrize("category", ["food", "fun"])
def test_a_budget_that_was_removed_meanwhile_stays_removed(ana: User, category: str) -> None:
    old = save_budget(owner=ana, category="food", currency="USD", amount=Decimal(100))
    remove_budget(budget=Budget.objects.get(pk=old.pk))
    with pytest.raises(InvalidDetails, match="changed or removed"):
        save_budget(owner=ana, category=category, currency="USD", amount=Decimal(5), budget=old)
    assert not Budget.objects.exists()
