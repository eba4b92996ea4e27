"""The forms for the parameters of the reports about balances."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from accounts.numbers import clean_account_number
from transactions.reports.forms import (
    EARLIEST_DAY,
    LATEST_DAY,
    Choice,
    PeriodForm,
    ReportForm,
)
from transactions.reports.queries.balances import DAY, MONTH, WEEK, YEAR

DAYS_OF = {DAY: 1, WEEK: 7, MONTH: 28, YEAR: 365}
MAX_POINTS_CHOSEN = 400  # maximum number of rows if the reader chose the step
STEP_WORDS = (
    ("", "automatic"), (DAY, "daily"), (WEEK, "weekly"), (MONTH, "monthly"),
    (YEAR, "yearly"),
)  # fmt: skip


class NumberField(forms.CharField):
    """A field for an account number. `BalanceForm.clean_number` checks whether the account
    exists.
    """

    def run_validators(self, value: Any) -> None:
        """Does nothing, because the form's `clean_number` checks the value."""


class BalanceForm(PeriodForm):
    """A form with a period, an interval (automatic, daily, weekly, monthly or yearly), and an
    account. Customers choose one of their accounts. Readers of the whole bank type an account
    number, if they may see account numbers.
    """

    needs_names = frozenset({"number"})
    step = Choice(label="Step", choices=STEP_WORDS, required=False)
    number = NumberField(label="Account", required=False)

    def __init__(self, data: Mapping[str, Any], **reader: Any) -> None:
        super().__init__(data, **reader)
        if not self.scope.is_bank:
            own = [(account.number, str(account)) for account in self.scope.accounts]
            choices = [("", "all accounts"), *own]
            self.fields["number"] = Choice(label="Account", choices=choices, required=False)
        elif not self.scope.shows_names:
            del self.fields["number"]

    def clean_number(self) -> str:
        """Returns the account number as it is stored, or "" if the field is empty.

        Raises: ValidationError if the scope has no account with this number.
        """
        typed: str = self.cleaned_data["number"]
        if not typed:
            return ""
        try:
            number = clean_account_number(typed)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None
        # Loads the account as a model instance, so that the log of reads contains the account's
        # owner even if the report is not run, see Note [Whose data].
        accounts = self.scope.all_accounts().filter(number=number)
        account = accounts.only("currency", "user_id").first()
        if account is None:
            raise forms.ValidationError("There is no account with this number.")
        self.cleaned_data["currency"] = account.currency
        # Also updates the currency that the form shows.
        self.data = {**self.data, "currency": account.currency}
        return number

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        since, until, step = (cleaned.get(name) for name in ("since", "until", "step"))
        if since and until and step:
            most = (until - since).days / DAYS_OF[step]
            if most > MAX_POINTS_CHOSEN:
                self.add_error(
                    "step", f"That is more than {MAX_POINTS_CHOSEN} rows. Choose a longer step."
                )
        return cleaned


class MomentField(forms.DateTimeField):
    """A field for a time in the bank's time zone. When the clocks go back, some times exist twice,
    and the field returns the first of the two.

    When the clocks go forward, some times do not exist, and the field returns the time one hour
    later. So the field accepts every time of day.
    """

    def to_python(self, value: Any) -> datetime | None:
        with timezone.override(UTC):
            typed: datetime | None = super().to_python(value)
        return typed and typed.replace(tzinfo=timezone.get_current_timezone())


class MomentForm(ReportForm):
    """A form with the time of the balances, and the start of the turnover.

    For the whole bank, the default start is the first day of the month, because summing all entries
    would be slow. For one customer, the default start is the first entry.
    """

    at = MomentField(
        label="Just before",
        input_formats=["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"],
        widget=forms.DateTimeInput(
            attrs={"type": "datetime-local", "step": "1"}, format="%Y-%m-%dT%H:%M:%S"
        ),
        error_messages={"invalid": "Type a day and a time like 2026-03-14T08:30."},
    )
    turnover = Choice(
        label="Turnover",
        choices=[(MONTH, "of its month"), (YEAR, "of its year"), ("all", "from the first entry")],
    )

    def defaults(self) -> dict[str, Any]:
        soon = timezone.localtime() + timedelta(seconds=1)
        turnover = MONTH if self.scope.is_bank else "all"
        return {"at": f"{soon:%Y-%m-%dT%H:%M:%S}", "turnover": turnover}

    def clean_at(self) -> datetime:
        moment: datetime = self.cleaned_data["at"]
        if not EARLIEST_DAY.year < moment.year < LATEST_DAY.year:
            raise forms.ValidationError("Type a year between 1901 and 2998.")
        return moment

    @property
    def params(self) -> dict[str, Any]:
        params = super().params
        turnover = params.pop("turnover")
        # The turnover ends just before `at`. If `at` is midnight of the 1st, the turnover is the
        # turnover of the previous month.
        day = timezone.localdate(params["at"] - timedelta(microseconds=1))
        first = {MONTH: day.replace(day=1), YEAR: day.replace(month=1, day=1)}
        return {**params, "since": first.get(turnover)}
