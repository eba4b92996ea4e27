"""The filters of an account statement. Their values come from the URL."""

from datetime import date, datetime
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator

from ledger.text.dates import long_date
from transactions.search.language.parser import parse
from transactions.statements.page import Filters, time_of_mark

FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2999, 12, 31)
WHICH_DAYS = "Choose a day from 1900 to 2999."


def _day(label: str) -> forms.DateField:
    """Returns an optional form field for a date between 1900 and 2999."""
    return forms.DateField(
        label=label,
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        validators=[
            MinValueValidator(FIRST_DAY, WHICH_DAYS),
            MaxValueValidator(LAST_DAY, WHICH_DAYS),
        ],
    )


class WordsField(forms.CharField):
    """A field for a search text. Every text is valid, because the search reports the parts that it
    cannot parse.
    """

    def to_python(self, value: Any) -> str:
        return parse(super().to_python(value) or "").text


def _words() -> WordsField:
    """Returns the form field for a search in the statement."""
    return WordsField(
        label="Words, a name or an amount",
        required=False,
        help_text="Like rent, a person, or the amount to the cent",
    )


class WordsForm(forms.Form):
    """A form with only the search, for the filter bar."""

    q = _words()


class DatesForm(forms.Form):
    """A form with only the period, for the filter bar."""

    start = _day("From")
    end = _day("To")

    def clean(self) -> None:
        """Adds an error if the period ends before it begins."""
        start, end = self.cleaned_data.get("start"), self.cleaned_data.get("end")
        if start and end and end < start:
            self.add_error("end", f"Choose {long_date(start)} or a later day.")


class StatementForm(DatesForm):
    """A form with the filters of an account statement. The values come from the URL."""

    direction = forms.ChoiceField(
        choices=[("", "All"), ("in", "Money in"), ("out", "Money out")],
        required=False,
        error_messages={"invalid_choice": "Choose “Money in” or “Money out”."},
    )
    q = _words()
    before = forms.CharField(required=False, widget=forms.HiddenInput)
    after = forms.CharField(required=False, widget=forms.HiddenInput)
    paper = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def clean(self) -> None:
        """Checks the period, and converts the markers of the page to times. Adds an error for an
        invalid marker.
        """
        super().clean()
        data = self.cleaned_data
        for name in ("before", "after"):
            try:
                data[name] = time_of_mark(int(data[name])) if data.get(name) else None
            except (ValueError, OverflowError):
                self.add_error(None, "This page does not exist. Go back to the newest entries.")

    @property
    def filters(self) -> Filters:
        """The filters in the form. An invalid form has no filters."""
        data = self.cleaned_data if self.is_valid() else {}
        return Filters(
            start=data.get("start"),
            end=data.get("end"),
            direction=data.get("direction", ""),
            text=data.get("q", ""),
        )

    def mark(self, name: str) -> datetime | None:
        """Returns the booking time at which the page ends ("before") or begins ("after"), or
        None.
        """
        return self.cleaned_data.get(name) if self.is_valid() else None
