"""A manager reads what was done alone today, and the threshold, beside each request that waits."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import services as account_services
from accounts.groups import OPERATIONS
from accounts.models import Account, ApprovalRequest, User
from tests.attacks.approvals import (
    PAGE,
    approved,
    asked,
    asked_limits,
    change_limits,
    deposit,
    done,
)
from tests.conftest import colleague
from tests.factories import AccountFactory
from tests.pages import texts_of
from transactions.staff.approvals.day_sums import DaySums

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory(name="Everyday", balance="50000")
    return account


def entry(manager: Client) -> str:
    (found,) = texts_of(manager.get(PAGE), "approval")
    return found.replace("\N{NO-BREAK SPACE}", " ")


def test_a_request_says_what_was_done_alone_today_by_whom_and_on_which_account(
    account: Account, clerk: User, manager: Client
) -> None:
    deposit(AccountFactory(), clerk, 1_000)
    deposit(account, clerk, 3_000)
    deposit(account, colleague(OPERATIONS, "Otto"), 2_500)
    asked(account, clerk, 6_000)
    text = entry(manager)
    assert f"4,000.00 USD by {clerk}" in text
    assert f"5,500.00 USD on {account}" in text
    assert "Threshold 10,000.00 USD in a day" in text
    assert "With this, 11,500.00 USD alone today: over the threshold of 10,000.00 USD." in text


def test_sums_of_another_currency_count_as_parts_of_its_threshold(
    account: Account, clerk: User, manager: Client
) -> None:
    deposit(AccountFactory(currency="JPY"), clerk, 500_000)
    asked(account, clerk, 9_000)
    assert f"3,333.33 USD by {clerk}" in entry(manager)


def test_what_was_approved_counts_to_no_sum(
    account: Account, clerk: User, boss: User, manager: Client
) -> None:
    done(approved(asked(account, clerk), boss))
    asked(account, clerk, 15_000)
    text = texts_of(manager.get(PAGE), "approval")[0].replace("\N{NO-BREAK SPACE}", " ")
    assert f"0.00 USD by {clerk}" in text
    assert "With this, 15,000.00 USD alone today" in text


def test_limits_have_sums_of_their_own(
    account: Account, clerk: User, boss: User, manager: Client
) -> None:
    deposit(account, clerk, 3_000)
    change_limits(account, boss, overdraft_limit=Decimal(4_000))
    asked_limits(account, boss, overdraft_limit=Decimal(20_000))
    text = entry(manager)
    assert f"4,000.00 USD by {boss}" in text
    assert f"4,000.00 USD on {account}" in text
    assert "Raised alone today" in text
    assert "With this, 20,000.00 USD alone today" in text


@pytest.mark.parametrize(
    ("limit", "after", "why"),
    [
        ("transfer_limit", None, "Removing a limit always needs approval."),
        (
            "overdraft_limit",
            Decimal(12_000),
            "An overdraft limit above 10,000.00 USD always needs approval.",
        ),
    ],
)
def test_limits_that_always_need_approval_say_so(
    limit: str, after: Decimal | None, why: str, account: Account, boss: User, manager: Client
) -> None:
    change_limits(account, boss, transfer_limit=Decimal(100))
    account_services.change_account(account=account, overdraft_limit=Decimal(8_000))
    asked_limits(account, boss, **{limit: after})  # type: ignore[arg-type]
    assert why in entry(manager)


def test_the_page_reads_all_sums_in_one_query(
    account: Account, clerk: User, manager: Client
) -> None:
    for amount in (11_000, 12_000, 13_000):
        asked(account, clerk, amount)
    with CaptureQueriesContext(connection) as queries:
        assert len(texts_of(manager.get(PAGE), "approval")) == 3
    assert sum('FROM "staff_sums"' in each["sql"] for each in queries) == 1


def test_a_currency_whose_threshold_is_zero_says_that_all_of_it_needs_approval() -> None:
    request = ApprovalRequest(kind="deposit", amount=Decimal(1), currency="XAU")
    assert DaySums(request, Decimal(0), []).in_short == "Every amount of XAU needs approval."
