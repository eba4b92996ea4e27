"""The forms of report parameters: defaults, boundaries, and what becomes of what was typed."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django import forms
from django.utils import timezone

from accounts.models import Account, User
from tests.factories import AccountFactory, UserFactory, nobodys
from tests.transactions.reports.books import analyst, clerk
from transactions.reports.catalogue import BY_SLUG
from transactions.reports.forms import (
    FEW_MONTHS,
    SHOWN_MONTHS,
    CohortForm,
    DirectionForm,
    FewMonthsForm,
    PeriodForm,
    ReportForm,
    either,
    months_until,
)
from transactions.reports.pages.balance_forms import BalanceForm, MomentField, MomentForm


@pytest.fixture
def account(db: None) -> Account:
    return AccountFactory()


def errors_of(form: forms.Form) -> list[str]:
    return list(form.errors)


def test_choices_are_joined_by_commas_and_or() -> None:
    assert [either(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == [
        "a", "a or b", "a, b or c",
    ]  # fmt: skip


def test_a_period_of_months_ends_with_the_month_of_its_day() -> None:
    assert months_until(date(2026, 3, 14), 1) == date(2026, 3, 1)
    assert months_until(date(2026, 3, 14), 3) == date(2026, 1, 1)
    assert months_until(date(2026, 3, 14), 12) == date(2025, 4, 1)


def test_parameters_that_are_missing_or_empty_have_defaults(account: Account) -> None:
    today = timezone.localdate()
    for data in ({}, {"since": "", "until": "", "currency": "", "compare": ""}):
        form = PeriodForm(data, reader=account.user)
        assert form.is_valid(), form.errors
        assert form.params == {
            "currency": "USD", "since": months_until(today, SHOWN_MONTHS), "until": today,
        }  # fmt: skip
        assert (form.compares_with, form.has_money) == ("", True)
        assert (form.scope.kind, form.scope.accounts) == ("mine", (account,))


def test_a_period_has_days_between_1900_and_2999_in_their_order(account: Account) -> None:
    first, last = date(1900, 1, 1), date(2999, 12, 31)
    periods: list[tuple[Any, Any, list[str]]] = [
        (first, last, []), (last, last, []), (first - timedelta(days=1), last, ["since"]),
        (date(2026, 3, 2), date(2026, 3, 1), ["until"]), (date(2026, 3, 1), date(2026, 3, 1), []),
        ("x", first, ["since"]), (first, "x", ["until"]), ("x", "x", ["since", "until"]),
        ("0001-01-01", "0001-01-01", ["since", "until"]),
    ]  # fmt: skip
    for since, until, wrong in periods:
        data = {"since": f"{since}", "until": f"{until}"}
        assert errors_of(PeriodForm(data, reader=account.user)) == wrong, data


def test_a_comparison_is_with_the_period_or_the_year_before(account: Account) -> None:
    for typed, found in (("no", ""), ("period", "period"), ("year", "year")):
        form = PeriodForm({"compare": typed}, reader=account.user)
        assert form.is_valid()
        assert (form.compares_with, "compare" in form.params) == (found, False)
    assert errors_of(PeriodForm({"compare": "never"}, reader=account.user)) == ["compare"]


def test_without_an_account_there_is_no_currency(db: None) -> None:
    form = ReportForm({}, reader=UserFactory())
    assert (form.has_money, errors_of(form)) == (False, ["currency"])


def test_only_staff_choose_the_whole_bank(account: Account) -> None:
    customer, reader = account.user, analyst()
    kinds: list[tuple[User, dict[str, str], bool, str, bool]] = [
        (customer, {}, False, "mine", True), (customer, {"whose": "bank"}, False, "mine", True),
        (reader, {}, False, "bank", False), (reader, {"whose": "x"}, False, "bank", False),
        (reader, {"whose": "mine"}, False, "mine", False),
        (reader, {"whose": "mine"}, True, "bank", True),
    ]  # fmt: skip
    for who, data, bank_only, kind, is_hidden in kinds:
        form = ReportForm(data, reader=who, bank_only=bank_only)
        assert (form.scope.kind, form["whose"].value()) == (kind, kind)
        assert isinstance(form.fields["whose"].widget, forms.HiddenInput) is is_hidden


def test_the_summary_names_what_the_reader_chose(account: Account) -> None:
    data = {"since": "2026-03-01", "until": "2026-03-31", "compare": "year"}
    form = DirectionForm(data, reader=account.user)
    assert form.summary == (
        "Currency: USD · From: 2026-03-01 · To: 2026-03-31 · Compare with: the year before"
        " · Which way: Out"
    )
    summary = BalanceForm(data | {"whose": "bank"}, reader=clerk()).summary
    assert summary == (
        "Scope: The whole bank · Currency: USD · From: 2026-03-01 · To: 2026-03-31"
        " · Compare with: the year before"
    )


def test_reports_that_read_every_row_of_the_bank_begin_later(account: Account) -> None:
    today = timezone.localdate()
    for reader, months in ((account.user, SHOWN_MONTHS), (analyst(), FEW_MONTHS)):
        form = FewMonthsForm({}, reader=reader)
        assert form.is_valid()
        assert form.params["since"] == months_until(today, months)
        assert form.params["until"] == today


def test_cohorts_begin_in_the_first_of_the_latest_months_in_which_somebody_joined(
    db: None,
) -> None:
    reader, now = analyst(), timezone.now()
    months = [months_until(now.date(), back) for back in range(3, 3 + SHOWN_MONTHS)]
    for month in months:
        moment = datetime(month.year, month.month, 9, tzinfo=UTC)
        UserFactory(created_at=moment)
    form = CohortForm({}, reader=reader, bank_only=True)
    assert "currency" not in form.fields
    assert form.data["since"] == months[SHOWN_MONTHS - 2].isoformat()  # the reader joined now
    assert form.data["until"] == timezone.localdate().isoformat()


def test_a_balance_is_shown_in_at_most_400_steps(account: Account) -> None:
    steps: list[tuple[str, int, list[str]]] = [
        ("day", 400, []), ("day", 401, ["step"]), ("week", 2800, []), ("week", 2801, ["step"]),
        ("", 9000, []),
    ]  # fmt: skip
    for step, days, wrong in steps:
        until = date(2026, 3, 14)
        data = {"since": f"{until - timedelta(days=days)}", "until": f"{until}", "step": step}
        assert errors_of(BalanceForm(data, reader=account.user)) == wrong, (step, days)


def test_a_customer_chooses_one_of_their_accounts(account: Account) -> None:
    other = AccountFactory(currency="JPY")
    form = BalanceForm({"number": account.number}, reader=account.user)
    assert form.is_valid(), form.errors
    assert (form.params["number"], form.params["currency"]) == (account.number, "USD")
    assert errors_of(BalanceForm({"number": other.number}, reader=account.user)) == ["number"]
    assert BalanceForm({}, reader=account.user).fields["number"].choices == [  # type: ignore[attr-defined]
        ("", "all accounts"), (account.number, str(account)),
    ]  # fmt: skip


def test_staff_type_the_number_of_any_account_if_they_may_see_numbers(account: Account) -> None:
    other, staff = AccountFactory(currency="JPY"), clerk()
    form = BalanceForm({"number": f" {other.number} ", "currency": "USD"}, reader=staff)
    assert form.is_valid(), form.errors
    assert (form.params["number"], form.params["currency"]) == (other.number, "JPY")
    assert form["currency"].value() == "JPY"
    for wrong in ("12", "words", nobodys()):
        assert errors_of(BalanceForm({"number": wrong}, reader=staff)) == ["number"]
    form = BalanceForm({"number": ""}, reader=staff)
    assert form.is_valid()
    assert form.params["number"] == ""
    assert "number" not in BalanceForm({}, reader=analyst()).fields


def test_a_moment_is_read_in_the_time_zone_of_the_bank() -> None:
    zone = timezone.get_current_timezone()
    field = MomentField(required=False)
    assert field.clean("") is None
    assert field.clean("2026-03-14T08:30") == datetime(2026, 3, 14, 8, 30, tzinfo=zone)


def test_a_turnover_begins_with_its_month_its_year_or_the_first_entry(account: Account) -> None:
    begins: list[tuple[str, str, date | None]] = [
        ("2026-03-14T08:30", "month", date(2026, 3, 1)),
        ("2026-03-01T00:00", "month", date(2026, 2, 1)),
        ("2026-03-01T00:00:01", "month", date(2026, 3, 1)),
        ("2026-03-14T08:30", "year", date(2026, 1, 1)),
        ("2026-01-01T00:00", "year", date(2025, 1, 1)),
        ("2026-03-14T08:30", "all", None),
    ]
    for at, turnover, since in begins:
        form = MomentForm({"at": at, "turnover": turnover}, reader=account.user)
        assert form.is_valid(), form.errors
        assert form.params["since"] == since, (at, turnover)
        assert "turnover" not in form.params
        assert f"{form.params['at']:%Y-%m-%dT%H:%M}" == at[:16]


def test_a_moment_is_by_default_the_next_second_and_within_the_calendar(account: Account) -> None:
    before = timezone.now().replace(microsecond=0)
    form = MomentForm({}, reader=account.user)
    assert form.is_valid(), form.errors
    assert before < form.params["at"] <= timezone.now() + timedelta(seconds=1)
    assert (form["turnover"].value(), form.params["since"]) == ("all", None)
    assert MomentForm({}, reader=analyst())["turnover"].value() == "month"
    for year, wrong in ((1900, ["at"]), (1901, []), (2998, []), (2999, ["at"])):
        data = {"at": f"{year}-06-01T00:00"}
        assert errors_of(MomentForm(data, reader=account.user)) == wrong, year
    assert errors_of(MomentForm({"at": "soon"}, reader=account.user)) == ["at"]


def test_each_report_reads_its_own_form(account: Account) -> None:
    assert isinstance(BY_SLUG["trial-balance"].bind_form({}, account.user), MomentForm)
    assert isinstance(BY_SLUG["balance-over-time"].bind_form({}, account.user), BalanceForm)
