"""A currency that staff add, such as ounces of gold. 10,000 ounces are a large sum, so all payments
of staff in this currency need approval until the owner sets a threshold.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts import approvals
from accounts.exceptions import NeedsApproval
from accounts.models import Account, ApprovalThreshold, Change, Currency, User
from tests.attacks.approvals import as_web
from tests.attacks.waiting import after_waiting_for
from tests.factories import AccountFactory
from tests.pages import text_of
from transactions import services
from transactions.services import Draft

pytestmark = pytest.mark.django_db
GOLD = {"code": "XAU", "name": "Gold (ounce)", "minor_units": "4", "is_open": "on",
        "reason": "A new service"}  # fmt: skip


@pytest.fixture
def gold(manager: Client) -> Account:
    """An account in a currency that one manager added."""
    manager.post(reverse("admin:accounts_currency_add"), GOLD)
    account: Account = AccountFactory(currency="XAU")
    return account


def deposit(account: Account, clerk: User, amount: str) -> None:
    draft = Draft(to_account=account, amount=Decimal(amount), created_by=clerk)
    with as_web():
        services.book(draft, write_also=approvals.check_now)


def test_any_amount_of_a_new_currency_needs_approval(
    gold: Account, clerk: User, boss: User
) -> None:
    with pytest.raises(NeedsApproval):
        deposit(gold, clerk, "0.0001")
    assert approvals.threshold_of("XAU") == 0
    added = Change.objects.get(table_name="approval_thresholds", about="XAU")
    assert (added.person, added.after) == (boss, {"currency": "XAU", "amount": "0.0000"})


def test_the_history_tells_thresholds_in_words(manager: Client, gold: Account) -> None:
    history = reverse("admin:accounts_change_changelist")
    ApprovalThreshold.objects.filter(currency="*").update(amount=Decimal("12500.50"))
    words = text_of(manager.get(history))
    assert "Added approval threshold of XAU, Gold (ounce)" in words
    assert "Changed approval threshold of all other currencies" in words
    assert "10,000 → 12,500.5" in words
    own = text_of(manager.get(reverse("admin:accounts_currency_history", args=["XAU"])))
    assert "Added approval threshold" in own


def test_a_start_leaves_it_so_until_the_setting_names_the_currency(
    gold: Account, clerk: User, settings: Any
) -> None:
    assert not approvals.write_thresholds()
    with pytest.raises(NeedsApproval):
        deposit(gold, clerk, "1")
    settings.LEDGER_FOUR_EYES_OVER = {**settings.LEDGER_FOUR_EYES_OVER, "XAU": Decimal(4)}
    assert approvals.write_thresholds()
    deposit(gold, clerk, "4")
    with pytest.raises(NeedsApproval):
        deposit(gold, clerk, "0.0001")


def test_a_currency_that_was_there_before_the_thresholds_gets_none_either(settings: Any) -> None:
    Currency.objects.create(code="XAG", name="Silver (ounce)", minor_units=4)
    ApprovalThreshold.objects.filter(currency="XAG").delete()
    assert approvals.write_thresholds()
    assert approvals.thresholds()["XAG"] == 0


def test_a_national_currency_has_the_threshold_of_all_others(clerk: User) -> None:
    deposit(AccountFactory(currency="CHF"), clerk, "10000")


def write_other_thresholds() -> None:
    ApprovalThreshold.objects.filter(currency="*").update(amount=Decimal(1))
    approvals.write_thresholds()


def add_silver() -> None:
    Currency.objects.create(code="XAG", name="Silver (ounce)", minor_units=4)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("first", "second"),
    [(write_other_thresholds, add_silver), (add_silver, write_other_thresholds)],
)
def test_a_currency_that_is_added_while_a_server_starts_keeps_its_threshold(
    first: Callable[[], None], second: Callable[[], None]
) -> None:
    after_waiting_for(first, second)
    assert approvals.thresholds()["XAG"] == 0
    assert approvals.thresholds() == approvals.wanted_thresholds()
