"""The form that gives a category to all payments of a search."""

from django import forms

from ledger.db.ids import uuid7
from ledger.text.lines import encodes, tidy_line, unfit_name
from transactions.models.own_category import CATEGORY_LIMIT

NONE = "\u201cnone\u201d finds payments without a category in a search. Choose another word."
MARKS = "A category has neither quotes nor backslashes, so that a search can name it."


class CategoryField(forms.CharField):
    """A category as it is stored: in one line and in lower case, fit for a search."""

    def __init__(self, **options: object) -> None:
        widget = forms.TextInput(attrs={"autocomplete": "off", "list": "categories"})
        super().__init__(max_length=CATEGORY_LIMIT, widget=widget, **options)  # type: ignore[arg-type]

    def clean(self, value: object) -> str:
        """Returns the category. Raises ValidationError with the reason."""
        category = tidy_line(str(super().clean(value))).lower()
        if reason := unfit_name(category) if encodes(category) else "Type letters or digits.":
            raise forms.ValidationError(reason.replace("name", "category"))
        if category == "none":
            raise forms.ValidationError(NONE)
        if set(category) & set('"\\\u201c\u201d'):
            raise forms.ValidationError(MARKS)
        if len(category) > CATEGORY_LIMIT:  # some capitals are longer in lower case
            raise forms.ValidationError(f"Use at most {CATEGORY_LIMIT} characters.")
        return category


class CategoryChangeForm(forms.Form):
    """The new category; `id` makes it happen once."""

    id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid7)
    category = CategoryField(
        label="New category",
        help_text="For your eyes alone. The payments themselves stay as they are.",
    )
