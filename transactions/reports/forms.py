"""What may be asked of a report. Everything is in the address, and everything has a default."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django import forms
from django.db.models.functions import TruncMonth
from django.utils import timezone

from accounts.models import User
from ledger.text.dates import months_before
from ledger.text.lines import shortened
from transactions.scope import BANK, MINE, Scope, may_read_bank, scope_for

SHOWN_MONTHS = 12
FEW_MONTHS = 3  # where a bank has too many rows to go through a year of them at each look
EARLIEST_DAY, LATEST_DAY = date(1900, 1, 1), date(2999, 12, 31)


def months_until(day: date, count: int) -> date:
    """The first day of the `count` months of which that of `day` is the last."""
    return months_before(day.replace(day=1), count - 1)


class Choice(forms.ChoiceField):
    """One of a few words; what is none of them gets a sentence that lists them."""

    def validate(self, value: Any) -> None:
        if value and not self.valid_value(value):
            said = [str(label) for _value, label in self.widget.choices]
            typed = shortened(str(value))
            raise forms.ValidationError(f"“{typed}” is not offered; choose {either(said)}.")


def either(words: Sequence[str]) -> str:
    """ "Out or In"; "of its month, of its year or from the first entry"."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


class DayField(forms.DateField):
    """A day, with the browser's own picker."""

    default_error_messages = {"invalid": "Type a day like 2026-03-14."}

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        super().__init__(widget=widget, **kwargs)


class ReportForm(forms.Form):
    """Whose money, in which currency. A report with more to ask extends it.

    What the address leaves out has the default of `defaults()`. Once valid, `scope` is whose
    rows are read, and `asked` are the keyword arguments of the report's function.
    """

    whose = forms.ChoiceField(choices=[(MINE, "My money"), (BANK, "The whole bank")], label="Whose")
    currency = forms.ChoiceField(
        error_messages={
            "required": "There is no account yet.",
            "invalid_choice": "There is no account in %(value)s; choose a currency of the list.",
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
        first = {"currency": currencies[0]} if currencies else {}
        given["whose"] = self.scope.kind
        super().__init__({**first, **self.defaults(), **given})
        if "currency" in self.fields:
            self.fields["currency"].choices = [(name, name) for name in currencies]  # type: ignore[attr-defined]
        if not may_choose:
            self.fields["whose"].widget = forms.HiddenInput()

    def defaults(self) -> dict[str, Any]:
        """What is asked for where the address does not say."""
        return {}

    @property
    def said(self) -> str:
        """What is asked, in words, for paper: "Whose: The whole bank · Currency: USD"."""
        parts = []
        for field in self.visible_fields():
            value = field.value()
            words = dict(getattr(field.field, "choices", ()))
            parts += [f"{field.label}: {words.get(value, value)}"] if value else []
        return " \N{MIDDLE DOT} ".join(parts)

    @property
    def asked(self) -> dict[str, Any]:
        """The report's own parameters, as its function takes them."""
        return {name: value for name, value in self.cleaned_data.items() if name != "whose"}


class PeriodForm(ReportForm):
    """From one day to another, both inclusive; the last twelve months unless it is said."""

    since = DayField(label="From")
    until = DayField(label="To")

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
            self.add_error("until", "The last day comes before the first; swap them.")
        return cleaned


class FewMonthsForm(PeriodForm):
    """A period, by default short for the whole bank: a year of one's own rows are few."""

    def defaults(self) -> dict[str, Any]:
        if not self.scope.is_bank:
            return super().defaults()
        since = months_until(timezone.localdate(), FEW_MONTHS)
        return {**super().defaults(), "since": since.isoformat()}


class CohortForm(PeriodForm):
    """Who joined from one day to another, in whatever currency their money is; the latest twelve
    months in which somebody joined unless it is said."""

    since = DayField(label="Joined from")
    currency = None  # type: ignore[assignment]

    def defaults(self) -> dict[str, Any]:
        months = User.objects.annotate(month=TruncMonth("created_at")).values_list("month")
        latest = list(months.distinct().order_by("-month")[:SHOWN_MONTHS])
        since = timezone.localdate(latest[-1][0])
        return {**super().defaults(), "since": since.isoformat()}


class DirectionForm(PeriodForm):
    """A period, and whether it is about what went out or what came in."""

    direction = Choice(choices=[("out", "Out"), ("in", "In")], label="Which way")

    def defaults(self) -> dict[str, Any]:
        return {**super().defaults(), "direction": "out"}
