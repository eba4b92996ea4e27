"""Reports beside the period before and the year before, against figures by hand."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from accounts.models import Account, User
from tests.conftest import signed_in
from tests.factories import AccountFactory
from tests.pages import text_of
from tests.transactions.reports.books import clerk, payment
from tests.transactions.table_files import csv_of, json_of
from transactions import services
from transactions.reports.catalogue import REPORTS
from transactions.reports.comparison import earlier_period, percent
from transactions.reports.report import Report

pytestmark = pytest.mark.django_db
NOVEMBER = {"since": "2025-11-01", "until": "2025-11-30", "currency": "USD"}
COMPARED = [pytest.param(report, id=report.slug) for report in REPORTS if report.comparison]


@pytest.fixture
def account() -> Account:
    """November: food 30, rent 900, books 5. October: food 20, fuel 60. November 2024: food 60.

    The first booking is in September 2024.
    """
    account: Account = AccountFactory(
        name="Everyday", user__name="Ana", overdraft_limit=Decimal(9000)
    )
    spent = [
        ("2024-09-30", 1, "food"),
        ("2024-11-05", 60, "food"), ("2025-10-03", 20, "food"), ("2025-10-09", 60, "fuel"),
        ("2025-11-03", 30, "food"), ("2025-11-04", 900, "rent"), ("2025-11-08", 5, "books"),
    ]  # fmt: skip
    services.post_batch(
        [
            payment(account, None, much, day, metadata={"category": what})
            for day, much, what in spent
        ]
        + [payment(None, AccountFactory(user=account.user, currency="EUR"), 7, "2025-11-02")]
    )
    return account


@pytest.fixture
def ana(client: Client, account: Account) -> Client:
    client.force_login(account.user)
    return client


@pytest.mark.parametrize(
    ("since", "until", "kind", "expected"),
    [
        ("2025-11-01", "2025-11-30", "period", ("2025-10-01", "2025-10-31")),
        ("2025-11-01", "2025-11-20", "period", ("2025-10-01", "2025-10-20")),
        ("2025-03-15", "2025-03-21", "period", ("2025-03-08", "2025-03-14")),
        ("2025-11-01", "2025-11-30", "year", ("2024-11-01", "2024-11-30")),
        ("2024-02-29", "2024-02-29", "year", ("2023-02-28", "2023-02-28")),
        ("2025-02-01", "2025-02-28", "year", ("2024-02-01", "2024-02-29")),
        ("2025-03-15", "2025-03-21", "year", ("2024-03-15", "2024-03-21")),
        ("1900-01-01", "2999-12-31", "period", ("0800-01-01", "1899-12-31")),
    ],
)
def test_the_period_to_compare_with(
    since: str, until: str, kind: str, expected: tuple[str, str]
) -> None:
    found = earlier_period(date.fromisoformat(since), date.fromisoformat(until), kind)
    assert tuple(map(str, found)) == expected


@pytest.mark.parametrize(
    ("now", "then", "expected"),
    [(30, 20, "0.5"), (0, 20, "-1"), (20, 0, None), (0, 0, None), (-30, -20, "-0.5"), (5, -5, "2")],
)
def test_there_is_no_percentage_of_zero(now: int, then: int, expected: str | None) -> None:
    assert percent(now, Decimal(then)) == (None if expected is None else Decimal(expected))


def figures(rows: list[dict[str, Any]], key: str, name: str) -> dict[str, tuple[Any, ...]]:
    names = (name, f"{name}_before", f"{name}_difference", f"{name}_percent")
    return {row[key]: tuple(row[each] for each in names) for row in rows}


def test_sums_stand_beside_those_of_the_period_before(ana: Client) -> None:
    rows = json_of(ana, "/reports/spending-by-category/report.json", **NOVEMBER, compare="period")
    assert figures(rows, "spent_on", "net") == {
        "food": ("30.00", "20.00", "10.00", "0.5000"),
        "rent": ("900.00", "0.00", "900.00", None),
        "books": ("5.00", "0.00", "5.00", None),
        "fuel": ("0.00", "60.00", "-60.00", "-1.0000"),
    }


def test_sums_stand_beside_those_of_the_year_before(ana: Client) -> None:
    rows = json_of(ana, "/reports/spending-by-category/report.json", **NOVEMBER, compare="year")
    assert figures(rows, "spent_on", "net")["food"] == ("30.00", "60.00", "-30.00", "-0.5000")
    assert figures(rows, "spent_on", "net")["fuel"] == ("0.00", "0.00", "0.00", None)


@pytest.mark.parametrize(
    ("compare", "expected"),
    [
        ("", ["before", "change"]),
        ("period", ["net_before", "net_difference", "net_percent"]),
        ("year", ["net_before", "net_difference", "net_percent"]),
    ],
)
def test_a_chosen_comparison_stands_in_place_of_the_report_s_own(
    ana: Client, compare: str, expected: list[str]
) -> None:
    asked = {**NOVEMBER, **({"compare": compare} if compare else {})}
    rows = json_of(ana, "/reports/spending-by-category/report.json", **asked)
    shared = ["spent_on", "spent", "given_back", "net", "share"]
    assert sorted(rows[0]) == sorted([*shared, *expected])


def test_months_meet_by_their_place_and_a_missing_one_is_zero(ana: Client) -> None:
    asked = {"since": "2025-10-01", "until": "2025-11-30", "currency": "USD", "compare": "year"}
    rows = json_of(ana, "/reports/money-by-month/report.json", **asked)
    assert figures(rows, "month", "money_out") == {
        "2025-10-01": ("80.00", "0.00", "80.00", None),
        "2025-11-01": ("935.00", "60.00", "875.00", "14.5833"),
    }
    earlier = {**asked, "since": "2026-10-01", "until": "2026-11-30"}
    rows = json_of(ana, "/reports/money-by-month/report.json", **earlier)
    assert figures(rows, "month", "money_out") == {
        "2026-10-01": ("0.00", "80.00", "-80.00", "-1.0000"),
        "2026-11-01": ("0.00", "935.00", "-935.00", "-1.0000"),
    }


def test_a_figure_that_is_no_sum_is_unknown_where_it_is_missing(ana: Client) -> None:
    asked = {**NOVEMBER, "compare": "period", "direction": "out"}
    rows = json_of(ana, "/reports/amount-percentiles/report.json", **asked)
    assert figures(rows, "paid_for", "median")["rent"] == ("900.00", None, None, None)
    assert "fuel" not in figures(rows, "paid_for", "median")


def test_the_page_says_what_is_compared_and_how_the_sums_differ(ana: Client) -> None:
    page = ana.get("/reports/spending-by-category/", {**NOVEMBER, "compare": "period"})
    text = text_of(page)
    assert "Compared with the numbers in October" in text
    assert "Net: 935.00 USD, compared with 80.00 USD in the earlier period (+1,068.8 %)." in text
    assert "\N{MINUS SIGN}60.00" in text
    assert "+50.0 %" in text
    assert "in percent" in text.lower()


@pytest.mark.parametrize(("since", "has_percent"), [("2025-09-30", True), ("2025-09-29", False)])
def test_days_before_the_first_booking_have_no_percentage(
    ana: Client, since: str, has_percent: bool
) -> None:
    """There the account was used on a part of the days, so the difference is no growth."""
    asked = {**NOVEMBER, "since": since, "compare": "year"}
    rows = json_of(ana, "/reports/spending-by-category/report.json", **asked)
    assert (figures(rows, "spent_on", "net")["food"][3] is not None) == has_percent
    assert figures(rows, "spent_on", "net")["food"][:3] == ("50.00", "61.00", "-11.00")
    text = text_of(ana.get("/reports/spending-by-category/", asked))
    assert (
        "Net: 1,015.00 USD, compared with 61.00 USD in the earlier period (+" in text
    ) == has_percent
    assert ("nothing was booked by 29 September 2024" in text) != has_percent


def test_spending_before_the_first_booking_is_not_called_more(ana: Client) -> None:
    """Without a choice the report compares with the period before by itself."""
    page = "/reports/spending-by-category/"
    for since, until, goes_back in (
        ("2025-11-01", "2025-11-30", True), ("2024-09-30", "2024-10-31", False),
    ):  # fmt: skip
        text = text_of(ana.get(page, {"since": since, "until": until, "currency": "USD"}))
        assert ("so there is nothing to compare" in text) != goes_back
        assert (" more than " in text) == goes_back


def test_the_first_booking_is_that_of_the_reader_in_the_currency(ana: Client) -> None:
    services.post_batch([payment(None, AccountFactory(currency="USD"), 7, "2020-01-02")])
    asked = {**NOVEMBER, "since": "2025-09-29", "compare": "year"}
    assert "nothing was booked by" in text_of(ana.get("/reports/money-by-month/", asked))
    euros = {**NOVEMBER, "currency": "EUR", "compare": "period"}
    assert "nothing was booked by" in text_of(ana.get("/reports/money-by-month/", euros))


def test_a_report_that_has_the_period_before_of_itself_says_so(ana: Client) -> None:
    form = ana.get("/reports/spending-by-category/", NOVEMBER).context["form"]
    assert "Compare with: the period before" in form.summary
    assert [label for _value, label in form.fields["compare"].choices] == [
        "the period before", "the period before, in percent too", "the year before"
    ]  # fmt: skip


def test_earlier_figures_link_to_their_own_rows(ana: Client) -> None:
    page = ana.get("/reports/money-by-month/", {**NOVEMBER, "compare": "period"})
    urls = [cell.url for row in page.context["run"].table for cell in row if cell.url]
    assert any("date:2025-10" in url for url in urls)
    assert any("date:2025-11" in url for url in urls)


def test_a_period_without_rows_still_shows_those_before(ana: Client) -> None:
    december = {"since": "2025-12-01", "until": "2025-12-31", "currency": "USD"}
    page = ana.get("/reports/by-weekday-and-hour/", {**december, "compare": "period"})
    text = text_of(page)
    assert "Nothing to report in this period" in text
    assert "900.00" in text


@pytest.mark.parametrize("report", COMPARED)
@pytest.mark.parametrize("compare", ["period", "year"])
def test_every_report_with_a_period_can_be_compared(
    account: Account, report: Report, compare: str
) -> None:
    reader: User = clerk()
    browser = signed_in(reader)
    asked = {**NOVEMBER, "compare": compare, "whose": "bank"}
    if report.slug == "cohorts":
        del asked["currency"]
    page = browser.get(report.url, asked)
    assert page.status_code == 200
    assert page.context["run"].columns != report.columns
    assert "Compared with" in text_of(page)
    head = csv_of(browser, f"{report.url}report.csv", **asked)
    assert page.context["run"].compared is not None
    assert len(head) == len(page.context["run"].compared)


def test_without_a_choice_nothing_is_compared_and_one_query_is_sent(ana: Client) -> None:
    page = ana.get("/reports/money-by-month/", NOVEMBER)
    assert page.context["panel"].count == 1
    assert page.context["run"].comparison == ""
    compared = ana.get("/reports/money-by-month/", {**NOVEMBER, "compare": "year"})
    assert compared.context["panel"].count == 3  # and one for the first booking


def test_an_unknown_comparison_is_refused_with_the_choices(ana: Client) -> None:
    page = ana.get("/reports/money-by-month/", {**NOVEMBER, "compare": "decade"})
    assert page.context["run"] is None
    assert "Choose nothing, the period before or the year before" in text_of(page)


def test_single_payments_are_not_compared(ana: Client) -> None:
    page = ana.get("/reports/unusual-movements/", {**NOVEMBER, "compare": "year"})
    assert "compare" not in page.context["form"].fields
    assert page.status_code == 200
