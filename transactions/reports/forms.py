"""The forms for the parameters of reports. The parameters come from the URL. Every parameter has a
default value.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, ClassVar

from django import forms
from django.db.models.functions import TruncMonth
from django.utils import timezone

from accounts.models import User
from ledger.text.dates import months_before
from ledger.text.lines import shortened
from transactions.fields import DayField
from transactions.scope import BANK, MINE, Scope, may_read_bank, scope_for

SHOWN_MONTHS = 12
FEW_MONTHS = 3  # default number of months for reports that read every row of the whole bank
NOTHING, PERIOD_BEFORE, YEAR_BEFORE = "no", "period", "year"
COMPARISONS = {PERIOD_BEFORE: "the period before", YEAR_BEFORE: "the year before"}
EARLIEST_DAY, LATEST_DAY = date(1900, 1, 1), date(2999, 12, 31)


def months_until(day: date, count: int) -> date:
    """Returns the first day of a period of `count` months that ends with the month of `day`."""
    return months_before(day.replace(day=1), count - 1)


APART = ("whose", "compare")  # form fields that are not parameters of the report's function


class Choice(forms.ChoiceField):
    """A choice field whose error message lists the choices."""

    def validate(self, value: Any) -> None:
        if value and not self.valid_value(value):
            labels = [str(label) for _value, label in self.widget.choices]
            typed = shortened(str(value))
            raise forms.ValidationError(f"“{typed}” is not a choice here. Choose {either(labels)}.")


def either(labels: Sequence[str]) -> str:
    """Returns the labels as one text, such as "a, b or c"."""
    *most, last = labels
    return f"{', '.join(most)} or {last}" if most else last


class ReportForm(forms.Form):
    """A form with the parameters of every report: scope and currency. A report with more parameters
    has a subclass of this form.

    `defaults()` returns the values of parameters that are not in the URL. If the form is valid,
    `scope` is the scope of the rows, and `params` are the keyword arguments of the report's
    function.
    """

    # Fields that need the permission SEE_NAMES if the reader reads the whole bank.
    needs_names: ClassVar[frozenset[str]] = frozenset()

    whose = forms.ChoiceField(choices=[(MINE, "My money"), (BANK, "The whole bank")], label="Scope")
    currency = forms.ChoiceField(
        error_messages={
            "required": "There is no account yet.",
            "invalid_choice": "There is no account in %(value)s. Choose a currency from the list.",
        }
    )

    def __init__(self, data: Mapping[str, Any], *, reader: User, bank_only: bool = False) -> None:
        may_read = may_read_bank(reader)
        may_choose = may_read and not bank_only
        usual = BANK if may_read else MINE
        whose = data.get("whose") if data.get("whose") in (MINE, BANK) else usual
        whose = BANK if bank_only else whose
        self.scope: Scope = scope_for(reader, BANK if whose == BANK and may_read else MINE)
        given = {name: value for name, value in data.items() if value not in ("", None)}
        currencies = self.scope.currencies
        self.has_money = bool(currencies)
        first = {"compare": NOTHING, **({"currency": currencies[0]} if currencies else {})}
        given["whose"] = self.scope.kind
        super().__init__({**first, **self.defaults(), **given})
        if "currency" in self.fields:
            self.fields["currency"].choices = [(name, name) for name in currencies]  # type: ignore[attr-defined]
        if not may_choose:
            self.fields["whose"].widget = forms.HiddenInput()

    def defaults(self) -> dict[str, Any]:
        """Returns the values of parameters that are not in the URL, by name."""
        return {}

    @property
    def summary(self) -> str:
        """The parameters in words for the printed page, such as
        "Scope: The whole bank · Currency: USD".
        """
        parts = []
        for field in self.visible_fields():
            value = field.value()
            labels = dict(getattr(field.field, "choices", ()))
            parts += [f"{field.label}: {labels.get(value, value)}"] if value else []
        return " \N{MIDDLE DOT} ".join(parts)

    @property
    def params(self) -> dict[str, Any]:
        """The keyword arguments for the report's function."""
        return {name: value for name, value in self.cleaned_data.items() if name not in APART}

    @property
    def compares_with(self) -> str:
        """The kind of the earlier period: a key of COMPARISONS, or "" without a comparison."""
        chosen = self.cleaned_data.get("compare", NOTHING)
        return "" if chosen == NOTHING else str(chosen)


class PeriodForm(ReportForm):
    """A form with the first and last day of a period, and with the period to compare with: none,
    the period before, or the year before. Both days belong to the period. The default is the last
    twelve months.

    The field `compare` is removed if the report does not support comparisons.
    """

    since = DayField(label="From")
    until = DayField(label="To")
    compare = Choice(label="Compare with", choices=[(NOTHING, "nothing"), *COMPARISONS.items()])

    def defaults(self) -> dict[str, Any]:
        today = timezone.localdate()
        since = months_until(today, SHOWN_MONTHS)
        return {"since": since.isoformat(), "until": today.isoformat()}

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        for name in ("since", "until"):
            day = cleaned.get(name)
            if day and not EARLIEST_DAY <= day <= LATEST_DAY:
                self.add_error(name, "Type a year between 1900 and 2999.")
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and since > until:
            self.add_error("until", "The last day is before the first day. Swap them.")
        return cleaned


class FewMonthsForm(PeriodForm):
    """A form with a period. For the whole bank, the default is the last three months. For one
    customer, it is the last twelve months.
    """

    def defaults(self) -> dict[str, Any]:
        if not self.scope.is_bank:
            return super().defaults()
        since = months_until(timezone.localdate(), FEW_MONTHS)
        return {**super().defaults(), "since": since.isoformat()}


class CohortForm(PeriodForm):
    """A form with the period in which customers joined the bank. The default period starts with the
    first of the latest twelve months in which somebody joined.

    The form has no currency, because the report counts people of all currencies.
    """

    since = DayField(label="Joined from")
    currency = None  # type: ignore[assignment]

    def defaults(self) -> dict[str, Any]:
        months = User.objects.annotate(month=TruncMonth("created_at")).values_list("month")
        latest = list(months.distinct().order_by("-month")[:SHOWN_MONTHS])
        since = timezone.localdate(latest[-1][0])
        return {**super().defaults(), "since": since.isoformat()}


class DirectionForm(PeriodForm):
    """A form with a period and a direction: money that went out, or money that came in."""

    direction = Choice(choices=[("out", "Out"), ("in", "In")], label="Which way")

    def defaults(self) -> dict[str, Any]:
        return {**super().defaults(), "direction": "out"}
