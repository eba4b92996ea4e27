"""The form on a receipt for the owner's note and tags."""

import re
from collections.abc import Callable
from typing import Self, TypeVar

from django import forms

from transactions.annotations.models.annotation import MAX_TAGS, TEXT_LIMIT
from transactions.annotations.services import AnnotationHistory, tidy_tags, tidy_text
from transactions.exceptions import InvalidDetails

Typed = TypeVar("Typed")
Tidied = TypeVar("Tidied")
TAG_SEPARATORS = re.compile(r"[\s,;]+")


class AnyText(forms.CharField):
    """A text field that allows all characters. After the field, `tidy_text` or `tidy_tags` checks
    the characters.
    """

    def to_python(self, value: object) -> str:
        return (super().to_python(value) or "").replace("\x00", " ")


class AnnotationForm(forms.Form):
    """A form for a note and tags. If both fields are empty, saving removes the
    note and the tags.
    """

    text = AnyText(
        label="Note",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=f"Up to {TEXT_LIMIT} characters. Only you can see it, not the other side and "
        "not the bank's staff.",
    )
    tags = AnyText(
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
        help_text=f"Single words, like holiday or porto-2026; up to {MAX_TAGS}.",
    )

    @classmethod
    def of(cls, annotation: AnnotationHistory) -> Self:
        """Returns the form, filled in with the current note and tags."""
        return cls(initial={"text": annotation.text, "tags": " ".join(annotation.tags)})

    def clean_text(self) -> str:
        """Returns the text of the note without invisible characters."""
        return _tidied(tidy_text, str(self.cleaned_data["text"]))

    def clean_tags(self) -> list[str]:
        """Returns the tags as a list."""
        return _tidied(tidy_tags, TAG_SEPARATORS.split(self.cleaned_data["tags"]))

    @property
    def done(self) -> str:
        """The message that is shown after saving."""
        is_empty = not any(self.cleaned_data.values())
        return "Your note is removed." if is_empty else "Your note is saved."


def _tidied(tidy: Callable[[Typed], Tidied], typed: Typed) -> Tidied:
    """Returns `tidy(typed)`. Turns InvalidDetails into a ValidationError with the same message."""
    try:
        return tidy(typed)
    except InvalidDetails as refusal:
        raise forms.ValidationError(str(refusal)) from None
