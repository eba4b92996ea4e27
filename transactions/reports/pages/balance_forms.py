"""The forms of the reports about balances."""

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
MAX_POINTS_CHOSEN = 400  # maximum rows for a step that the reader chose
STEP_WORDS = (
    ("", "automatic"), (DAY, "daily"), (WEEK, "weekly"), (MONTH, "monthly"),
    (YEAR, "yearly"),
)  # fmt: skip


class NumberField(forms.CharField):
    """An account number. The form itself checks whether the account exists."""

    def run_validators(self, value: Any) -> None:
        """Does nothing, because `clean_account_number` checks the value."""


class BalanceForm(PeriodForm):
    """A period, the step, and the account. Customers choose one of their accounts; readers of the
    whole bank type a number if they may see numbers.
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
        """Returns the number, in the stored form, of an account within the scope."""
        typed: str = self.cleaned_data["number"]
        if not typed:
            return ""
        try:
            number = clean_account_number(typed)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None
        # Loads a model row, so that Note [Whose data] has the owner even if no report follows.
        accounts = self.scope.all_accounts().filter(number=number)
        account = accounts.only("currency", "user_id").first()
        if account is None:
            raise forms.ValidationError("There is no account with this number.")
        self.cleaned_data["currency"] = account.currency
        self.data = {**self.data, "currency": account.currency}  # also update the shown form
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
    """A moment in the bank's time zone. If the clock shows an hour twice, the first one is used. A
    time that the clock skips is accepted as one hour later, so no valid input is refused.
    """

    def to_python(self, value: Any) -> datetime | None:
        with timezone.override(UTC):
            typed: datetime | None = super().to_python(value)
        return typed and typed.replace(tzinfo=timezone.get_current_timezone())


class MomentForm(ReportForm):
    """A moment, and the start of the turnover before it.

    By default the turnover starts with the month for the whole bank, because summing all entries
    would be slow. For one customer it starts with the first entry.
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
        # The turnover is before the moment, so midnight of the 1st gives the month before.
        day = timezone.localdate(params["at"] - timedelta(microseconds=1))
        first = {MONTH: day.replace(day=1), YEAR: day.replace(month=1, day=1)}
        return {**params, "since": first.get(turnover)}
