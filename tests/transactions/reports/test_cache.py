"""What may be kept of a report, and what never is."""

from datetime import date
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client, override_settings

from accounts.models import Account, User
from tests.factories import AccountFactory
from tests.pages import markup_of
from tests.transactions.reports.books import analyst, clerk, pay
from transactions.audit import sealing
from transactions.reports.catalogue import BY_SLUG, REPORTS
from transactions.reports.report import ReportParameters
from transactions.reports.runner import Run, run

pytestmark = pytest.mark.django_db
MARCH = {"since": "2026-03-01", "until": "2026-03-31"}


@pytest.fixture(autouse=True)
def _nothing_kept_yet() -> None:
    cache.clear()


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory()
    pay(None, account, "100", "2026-03-05")
    return account


def look(slug: str, reader: User, *, fresh: bool = False, **data: str) -> Run:
    form = BY_SLUG[slug].bind_form({**MARCH, **data}, reader)
    assert form.is_valid(), form.errors
    return run(BY_SLUG[slug], ReportParameters(form.scope, form.params), fresh=fresh)


def test_the_banks_rows_of_a_sealed_period_are_read_once(account: Account) -> None:
    reader = analyst()
    sealing.seal(until=date(2026, 4, 1))
    first, second = (look("money-by-month", reader) for _ in range(2))
    assert first.cached is None
    assert second.cached is not None
    assert second.cached.seal == 1
    assert list(second.rows) == list(first.rows)
    assert [query.sql for query in second.work.queries] == [q.sql for q in first.work.queries]
    assert look("money-by-month", reader, fresh=True).cached is None
    assert look("money-by-month", clerk()).cached is not None


def test_a_period_that_is_sealed_but_for_a_day_is_read_each_time(account: Account) -> None:
    sealing.seal(until=date(2026, 3, 31))
    reader = analyst()
    look("money-by-month", reader)
    pay(None, account, "1", "2026-03-31")
    again = look("money-by-month", reader)
    assert again.cached is None
    assert again.rows[0]["money_in"] == 101


@override_settings(TIME_ZONE="America/New_York")
def test_the_end_of_a_day_is_that_of_the_banks_time_zone(account: Account) -> None:
    """31 March ends there four hours after the sealed day of UTC does."""
    sealing.seal(until=date(2026, 4, 1))
    reader = analyst()
    assert [look("money-by-month", reader).cached for _ in range(2)] == [None, None]


def test_without_a_seal_nothing_is_kept(account: Account) -> None:
    reader = analyst()
    assert [look("money-by-month", reader).cached for _ in range(2)] == [None, None]


def test_a_customers_own_rows_are_never_kept(account: Account) -> None:
    sealing.seal(until=date(2026, 4, 1))
    assert [look("money-by-month", account.user).cached for _ in range(2)] == [None, None]
    one = [look("balance-over-time", clerk(), number=account.number) for _ in range(2)]
    assert [found.cached for found in one] == [None, None]


def test_other_parameters_another_seal_and_another_zone_have_rows_of_their_own(
    account: Account,
) -> None:
    reader = analyst()
    pay(None, AccountFactory(currency="EUR"), "7", "2026-03-06")
    sealing.seal(until=date(2026, 4, 1))
    look("money-by-month", reader, currency="USD")
    assert look("money-by-month", reader, currency="EUR").rows[0]["money_in"] == 7
    assert look("balance-over-time", reader, currency="USD").cached is None
    with override_settings(TIME_ZONE="Asia/Tokyo"):
        assert look("money-by-month", reader, currency="USD").cached is None
    pay(None, account, "1", "2026-04-02")
    sealing.seal(until=date(2026, 4, 3))
    assert look("money-by-month", reader, currency="USD").cached is None


def test_no_report_with_names_or_numbers_may_be_kept(account: Account) -> None:
    sealing.seal(until=date(2026, 4, 1))
    columns = {"who", "person", "description", "numbers", "account_key", "example"}
    for report in REPORTS:
        data: dict[str, Any] = {} if report.slug == "trial-balance" else MARCH
        form = report.bind_form(data, clerk())
        assert form.is_valid(), form.errors
        if report.final_from(ReportParameters(form.scope, form.params)):
            assert not columns & {column.name for column in report.columns}, report.slug


def test_the_page_says_since_when_and_offers_to_read_afresh(
    client: Client, account: Account
) -> None:
    sealing.seal(until=date(2026, 4, 1))
    client.force_login(analyst())
    url = "/reports/money-by-month/"
    assert "fresh=1#work" not in client.get(url, MARCH).content.decode()
    page = markup_of(client.get(url, MARCH))
    assert "Seal 1 " in page
    assert "fresh=1#work" in page
    assert "fresh=1#work" not in client.get(url, {**MARCH, "fresh": "1"}).content.decode()
    assert "Execution Time" in client.get(url, {**MARCH, "plans": "1"}).content.decode()
