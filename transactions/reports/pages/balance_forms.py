"""What may be asked of the reports about balances."""

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
MOST_ASKED = 400  # points of a chart, whatever the reader chooses
STEP_WORDS = (
    ("", "as fits"), (DAY, "each day"), (WEEK, "each week"), (MONTH, "each month"),
    (YEAR, "each year"),
)  # fmt: skip


class NumberField(forms.CharField):
    """An account's number; whether there is such an account, the form says."""

    def run_validators(self, value: Any) -> None:
        """None: what a text may not have in it, a number has not either."""


class BalanceForm(PeriodForm):
    """A period, how finely it is told, and the account: one's own are chosen, others typed
    by those who may know them."""

    step = Choice(label="Told", choices=STEP_WORDS, required=False)
    number = NumberField(label="Account", required=False)

    def __init__(self, data: Mapping[str, Any], **reader: Any) -> None:
        super().__init__(data, **reader)
        if not self.scope.is_bank:
            own = [(account.number, str(account)) for account in self.scope.accounts]
            choices = [("", "all together"), *own]
            self.fields["number"] = Choice(label="Account", choices=choices, required=False)
        elif not self.scope.shows_names:
            del self.fields["number"]

    def clean_number(self) -> str:
        """The number of an account within the scope, as it is stored."""
        typed: str = self.cleaned_data["number"]
        if not typed:
            return ""
        try:
            number = clean_account_number(typed)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None
        currency = self.scope.all_accounts().filter(number=number).values_list("currency").first()
        if currency is None:
            raise forms.ValidationError("There is no account with this number.")
        (self.cleaned_data["currency"],) = currency
        self.data = {**self.data, "currency": currency[0]}  # what the form shows, too
        return number

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        since, until, step = (cleaned.get(name) for name in ("since", "until", "step"))
        if since and until and step:
            most = (until - since).days / DAYS_OF[step]
            if most > MOST_ASKED:
                self.add_error("step", f"That is more than {MOST_ASKED} rows; choose longer steps.")
        return cleaned


class MomentField(forms.DateTimeField):
    """A moment by the bank's clock. Where the clock shows an hour twice, the first is meant, and
    one that it leaves out is that of the hour before: no time that can be typed is refused."""

    def to_python(self, value: Any) -> datetime | None:
        with timezone.override(UTC):
            typed: datetime | None = super().to_python(value)
        return typed and typed.replace(tzinfo=timezone.get_current_timezone())


class MomentForm(ReportForm):
    """A moment, and from when on the turnover up to it counts.

    For the whole bank that is its month, because a look at the page should not go through every
    row there ever was; one's own are few enough.
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
    def asked(self) -> dict[str, Any]:
        asked = super().asked
        turnover = asked.pop("turnover")
        # What lies before the moment: at midnight of the first, the month before.
        day = timezone.localdate(asked["at"] - timedelta(microseconds=1))
        first = {MONTH: day.replace(day=1), YEAR: day.replace(month=1, day=1)}
        return {**asked, "since": first.get(turnover)}
