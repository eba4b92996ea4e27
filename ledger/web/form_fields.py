"""Form fields that several features use."""

from typing import Any

from django import forms

from ledger.text.lines import encodes, tidy_line, unfit_name


class ReadableNameField(forms.CharField):
    """A form field for a name that appears in lists. Removes extra spaces and invisible
    characters.
    """

    def clean(self, value: Any) -> str:
        """Returns the cleaned name. Raises ValidationError if the name is not readable, or if it
        looks like a different name.
        """
        typed = super().clean(value)
        name = tidy_line(typed)
        reason = unfit_name(name) if encodes(name) else "Type letters or digits."
        if typed and reason:
            raise forms.ValidationError(reason)
        return name
