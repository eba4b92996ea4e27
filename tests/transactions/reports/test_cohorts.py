"""People by month of joining, against figures worked out by hand."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from accounts.models import Account
from ledger.text.dates import months_before
from tests.factories import AccountFactory, UserFactory
from tests.pages import lacks, text_of
from tests.transactions.reports.books import analyst, bank, moment, pay, rows_of
from transactions import services
from transactions.reports import cohorts
from transactions.scope import scope_for

pytestmark = pytest.mark.django_db
WINTER: dict[str, Any] = {"since": date(2026, 1, 1), "until": date(2026, 2, 28), "followed": 2}
JANUARY, FEBRUARY, MARCH, APRIL = (date(2026, month, 1) for month in (1, 2, 3, 4))


def joined(when: str, **facts: Any) -> Account:
    """The account, with money in it, of somebody who joined then."""
    user = UserFactory(created_at=moment(when))
    account: Account = AccountFactory(user=user, overdraft_limit=Decimal(1000), **facts)
    return account


def figures(**asked: Any) -> list[tuple[Any, ...]]:
    rows = cohorts(bank(analyst()), **{**WINTER, **asked})
    return rows_of(rows, "joined", "after", "month", "people", "active")


def test_how_many_of_each_month_moved_money_in_it_and_after() -> None:
    early, idle, late = joined("2026-01-05"), joined("2026-01-31"), joined("2026-02-03")
    pay(early, None, "1", "2026-01-20")
    pay(early, None, "1", "2026-03-01T00:00")
    pay(early, None, "1", "2026-03-31T23:59")
    pay(idle, None, "1", "2026-02-02")
    pay(late, None, "1", "2026-02-28")
    assert figures() == [
        (JANUARY, 0, JANUARY, 2, 1),
        (JANUARY, 1, FEBRUARY, 2, 1),
        (JANUARY, 2, MARCH, 2, 1),
        (FEBRUARY, 0, FEBRUARY, 1, 1),
        (FEBRUARY, 1, MARCH, 1, 0),
        (FEBRUARY, 2, APRIL, 1, 0),
    ]
    assert [row["share"] for row in cohorts(bank(analyst()), **WINTER)] == [0.5, 0.5, 0.5, 1, 0, 0]


def test_money_that_came_in_is_no_move_of_theirs() -> None:
    pay(None, joined("2026-01-05"), "50", "2026-01-06")
    assert figures(followed=0) == [(JANUARY, 0, JANUARY, 1, 0)]


def test_a_hold_is_no_move_and_its_capture_is() -> None:
    today = timezone.localdate()
    account = joined(f"{timezone.now():%Y-%m-%dT%H:%M}")
    hold = services.hold(from_account=account, amount=Decimal(5))
    assert figures(since=today, until=today)[0][-2:] == (1, 0)
    services.capture(hold=hold)
    assert figures(since=today, until=today)[0][-2:] == (1, 1)


def test_a_person_with_two_accounts_counts_once_in_whatever_currency() -> None:
    account = joined("2026-01-05")
    yen = AccountFactory(user=account.user, currency="JPY", overdraft_limit=Decimal(1000))
    pay(account, None, "1", "2026-01-06")
    pay(yen, None, "100", "2026-01-07")
    assert figures(followed=0) == [(JANUARY, 0, JANUARY, 1, 1)]


def test_own_transfers_count_as_moves() -> None:
    account = joined("2026-01-05")
    pay(account, AccountFactory(user=account.user), "1", "2026-01-06")
    assert figures(followed=0)[0][-1] == 1


def test_people_without_an_account_are_no_customers() -> None:
    UserFactory(created_at=moment("2026-01-05"))
    assert figures() == []


def test_months_that_have_not_begun_are_left_out() -> None:
    joined(timezone.now().strftime("%Y-%m-%dT%H:%M"))
    today = timezone.localdate()
    assert [after for _, after, *_ in figures(since=today, until=today, followed=12)] == [0]


@override_settings(TIME_ZONE="Asia/Tokyo")
def test_months_are_those_of_the_banks_time_zone() -> None:
    account = joined("2026-01-31T15:00")  # midnight of 1 February there
    pay(account, None, "1", "2026-02-28T14:59")  # the last minute of February there
    pay(account, None, "1", "2026-03-31T15:00")  # April there
    assert figures() == [
        (FEBRUARY, 0, FEBRUARY, 1, 1),
        (FEBRUARY, 1, MARCH, 1, 0),
        (FEBRUARY, 2, APRIL, 1, 1),
    ]


def finding(client: Client, **asked: str) -> str:
    client.force_login(analyst())
    return text_of(client.get("/reports/cohorts/", asked))


def test_the_page_says_the_share_of_those_alone_for_whom_the_month_is_over(client: Client) -> None:
    today = timezone.localdate()
    early, idle = (joined(f"{months_before(today.replace(day=1), 3)}") for _ in range(2))
    late = joined(f"{months_before(today.replace(day=1), 1)}")
    for account in (early, late):
        pay(account, None, "1", f"{months_before(today.replace(day=1), 1)}T13:00")
    pay(idle, None, "1", f"{today.replace(day=1)}T00:00")  # in a month that is not over
    said = finding(client)
    assert not lacks(
        said,
        "3 people joined",
        "Of the 2 who joined at least 2 months",
        "50 % sent money 2 months after",
    )


def test_the_page_says_when_no_month_is_over(client: Client) -> None:
    joined(f"{timezone.localdate().replace(day=1)}T00:00")
    assert not lacks(finding(client), "1 person joined", "No full month")


def test_the_page_is_short_where_all_joined_at_once(client: Client) -> None:
    account = joined(f"{months_before(timezone.localdate().replace(day=1), 2)}")
    pay(account, None, "1", f"{months_before(timezone.localdate().replace(day=1), 1)}")
    assert not lacks(finding(client), "1 person joined", "100 % sent money 1 month after")


def test_nobody_reads_it_for_themselves() -> None:
    account = joined("2026-01-05")
    assert cohorts(scope_for(account.user), **WINTER) == []
