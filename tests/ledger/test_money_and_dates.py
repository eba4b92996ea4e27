"""How money and dates look on a page."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.template import Context, Template
from django.utils import timezone

from ledger.text import dates, money

NB = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        ("950", "USD", "950.00"),
        ("950.0000", "USD", "950.00"),
        ("1234567.8", "EUR", "1,234,567.80"),
        ("-0.5", "GBP", f"{MINUS}0.50"),
        ("1500", "JPY", "1,500"),
        ("1500.0000", "JPY", "1,500"),
        ("1.5", "KWD", "1.500"),
        ("0", "USD", "0.00"),
        ("-0", "USD", "0.00"),
        ("999999999999999.9999", "USD", "999,999,999,999,999.9999"),
    ],
)
def test_figure_has_the_decimals_of_its_currency(amount: str, currency: str, shown: str) -> None:
    assert money.figure(Decimal(amount), currency) == shown


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [("10.125", "USD", "10.125"), ("0.5", "JPY", "0.5"), ("1.00001", "KWD", "1.00001")],
)
def test_figure_never_hides_decimals_beyond_the_currency(
    amount: str, currency: str, shown: str
) -> None:
    assert money.figure(Decimal(amount), currency) == shown


def test_figure_keeps_every_digit_of_a_great_sum() -> None:
    assert money.figure(Decimal("123456789012345678901.23"), "USD") == (
        "123,456,789,012,345,678,901.23"
    )


@pytest.mark.django_db
def test_figure_of_an_unknown_currency_shows_what_is_there() -> None:
    assert money.figure(Decimal("12.50"), "XXX") == "12.5"


@pytest.mark.parametrize(
    ("amount", "shown"), [("56", "+56.00"), ("-950", f"{MINUS}950.00"), ("0", "0.00")]
)
def test_signed_says_in_or_out(amount: str, shown: str) -> None:
    assert money.signed(Decimal(amount), "USD") == shown


def test_money_is_never_torn_from_its_currency() -> None:
    assert money.money(Decimal("950"), "USD") == f"950.00{NB}USD"
    assert money.money(Decimal("-1"), "KWD") == f"{MINUS}1.000{NB}KWD"


@pytest.mark.parametrize("nothing", [None, ""])
def test_nothing_shows_as_nothing(nothing: str | None) -> None:
    assert money.money(nothing, "USD") == ""
    assert money.figure(nothing, "USD") == ""
    assert money.signed(nothing, "USD") == ""
    assert money.account_number(nothing) == ""
    assert (
        dates.day_heading(None) == dates.clock(None) == dates.when(None) == dates.exact(None) == ""
    )


def test_account_number_is_grouped_in_fours() -> None:
    assert money.account_number("4821093755") == "4821 0937 55"
    assert money.account_number("4821 0937 55") == "4821 0937 55"


def test_day_heading_names_the_year_only_when_it_is_another() -> None:
    this_year = timezone.localdate().year
    assert dates.day_heading(date(this_year, 3, 2)).endswith(" 2 March")
    assert dates.day_heading(date(2020, 11, 20)) == "Friday 20 November 2020"


def test_day_heading_of_a_moment_is_the_reader_s_day() -> None:
    with timezone.override(ZoneInfo("Pacific/Auckland")):
        assert dates.day_heading(datetime(2020, 11, 20, 22, 0, tzinfo=UTC)) == (
            "Saturday 21 November 2020"
        )


def test_when_is_short_for_what_is_near() -> None:
    noon = timezone.localtime().replace(hour=12, minute=5)
    assert dates.when(noon) == "12:05"
    assert dates.when(noon - timedelta(days=1)) == "Yesterday 12:05"
    assert dates.when(noon.date()) == "Today"
    assert dates.when(datetime(2020, 11, 20, 12, 5, tzinfo=UTC)) == "20 November 2020"


def test_until_names_the_hour_of_what_is_near() -> None:
    noon = timezone.localtime().replace(hour=12, minute=5)
    assert dates.until(noon) == "today at 12:05"
    assert dates.until(noon + timedelta(days=1)) == "tomorrow at 12:05"
    assert dates.until(datetime(2099, 11, 22, 12, 5, tzinfo=UTC)) == "Sunday 22 November 2099"
    assert dates.until(None) == ""


def test_exact_says_the_second_and_the_zone() -> None:
    moment = datetime(2020, 11, 20, 14, 32, 5, tzinfo=UTC)
    assert dates.exact(moment) == "Friday 20 November 2020, 14:32:05 UTC"
    assert dates.clock(moment) == "14:32"
    early = datetime(2020, 11, 2, 4, 3, 2, tzinfo=ZoneInfo("Europe/Berlin"))
    assert dates.exact(early) == "Monday 2 November 2020, 04:03:02 CET"


def test_templates_reach_the_filters() -> None:
    page = Template("{% load money %}{{ a|money:'USD' }} {{ missing|money:'USD' }}|{{ m|clock }}")
    moment = datetime(2020, 11, 20, 14, 32, tzinfo=UTC)
    with timezone.override(ZoneInfo("Asia/Tokyo")):
        shown = page.render(Context({"a": Decimal(5), "m": moment}))
    assert shown == f"5.00{NB}USD |23:32"
