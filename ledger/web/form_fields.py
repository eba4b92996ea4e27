"""Form fields that several features share."""

from typing import Any

from django import forms

from ledger.text.lines import encodes, tidy_line, unfit_name


class ReadableNameField(forms.CharField):
    """A name for lists. `clean` returns it without extra spaces or invisible characters."""

    def clean(self, value: Any) -> str:
        """Raises ValidationError for a name that nobody can read or that looks like another."""
        typed = super().clean(value)
        name = tidy_line(typed)
        reason = unfit_name(name) if encodes(name) else "Type letters or digits."
        if typed and reason:
            raise forms.ValidationError(reason)
        return name
