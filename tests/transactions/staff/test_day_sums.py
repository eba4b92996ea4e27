"""A manager reads what was done alone today, and the threshold, beside each request that waits."""

import re
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
from transactions.staff.approvals.day_sums import DaySums, in_percent

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
    assert f"40 % of the threshold by {clerk}" in text
    assert f"55 % of the threshold on {account}" in text
    assert "Threshold 10,000.00 USD in a day" in text
    assert "to 115 % of the threshold of 10,000.00 USD" in text


def test_amounts_of_several_currencies_are_shown_as_a_part_of_the_threshold_and_not_added(
    account: Account, clerk: User, manager: Client
) -> None:
    deposit(AccountFactory(currency="JPY"), clerk, 500_000)
    deposit(AccountFactory(currency="EUR"), clerk, 11)
    deposit(account, clerk, 528)
    asked(account, clerk, 9_000)
    text = entry(manager)
    assert f"38.8 % of the threshold by {clerk}" in text
    assert f"5.3 % of the threshold on {account}" in text
    assert set(re.findall(r"[\d,]+\.\d\d [A-Z]{3}\b", text)) == {"9,000.00 USD", "10,000.00 USD"}


@pytest.mark.parametrize(
    ("share", "shown"),
    [("0", "0 %"), ("0.4", "40 %"), ("0.9999", "100 %"), ("1.00001", "100.1 %"), ("20", "2,000 %")],
)
def test_what_is_over_the_threshold_is_never_shown_as_all_of_it(share: str, shown: str) -> None:
    assert in_percent(Decimal(share)) == shown


def test_what_was_approved_counts_to_no_sum(
    account: Account, clerk: User, boss: User, manager: Client
) -> None:
    done(approved(asked(account, clerk), boss))
    asked(account, clerk, 15_000)
    text = texts_of(manager.get(PAGE), "approval")[0].replace("\N{NO-BREAK SPACE}", " ")
    assert f" 0 % of the threshold by {clerk}" in text
    assert "to 150 % of the threshold" in text


def test_limits_have_sums_of_their_own(
    account: Account, clerk: User, boss: User, manager: Client
) -> None:
    deposit(account, clerk, 3_000)
    change_limits(account, boss, overdraft_limit=Decimal(4_000))
    asked_limits(account, boss, overdraft_limit=Decimal(20_000))
    text = entry(manager)
    assert f"40 % of the threshold by {boss}" in text
    assert f"40 % of the threshold on {account}" in text
    assert "Raised without approval today" in text
    assert "to 200 % of the threshold" in text


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
