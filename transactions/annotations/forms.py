"""The form on a receipt by which an owner notes something for themselves."""

import re
from collections.abc import Callable
from typing import Self, TypeVar

from django import forms

from transactions.annotations.services import AnnotationHistory, tidy_tags, tidy_text
from transactions.exceptions import InvalidDetails
from transactions.models.annotation import MOST_TAGS, TEXT_LIMIT

Given = TypeVar("Given")
Kept = TypeVar("Kept")
BETWEEN_TAGS = re.compile(r"[\s,;]+")


class AnyText(forms.CharField):
    """Any text at all: what cannot be kept of it, `tidy_text` and `tidy_tags` say or leave out."""

    def to_python(self, value: object) -> str:
        return (super().to_python(value) or "").replace("\x00", " ")


class AnnotationForm(forms.Form):
    """A text and tags; both empty take the note away."""

    text = AnyText(
        label="Note",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=f"Up to {TEXT_LIMIT} characters. Only you see it: not the other side, nor the "
        "staff of the bank.",
    )
    tags = AnyText(
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
        help_text=f"Single words, like holiday or porto-2026; up to {MOST_TAGS}.",
    )

    @classmethod
    def of(cls, mine: AnnotationHistory) -> Self:
        """The form with what is said now, to change it."""
        return cls(initial={"text": mine.text, "tags": " ".join(mine.tags)})

    def clean_text(self) -> str:
        """The text without what nobody sees."""
        return _kept(tidy_text, str(self.cleaned_data["text"]))

    def clean_tags(self) -> list[str]:
        """The tags as a list."""
        return _kept(tidy_tags, BETWEEN_TAGS.split(self.cleaned_data["tags"]))

    @property
    def done(self) -> str:
        """What became of it, once it is kept."""
        is_empty = not any(self.cleaned_data.values())
        return "Your note is taken away." if is_empty else "Your note is kept."


def _kept(tidy: Callable[[Given], Kept], given: Given) -> Kept:
    """What `tidy` makes of it; its refusal is the field's error."""
    try:
        return tidy(given)
    except InvalidDetails as refusal:
        raise forms.ValidationError(str(refusal)) from None
