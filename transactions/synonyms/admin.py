"""The admin pages of synonyms."""

import re
from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin

from accounts.admin.history import LockedChanges
from accounts.admin.list_files import ListFiles
from ledger.text.fuzzy import folded
from transactions.synonyms.models import MOST_WORDS, Synonym

WORD = re.compile(r"[^\W_]+")


class SynonymForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form for a synonym. Words are stored in lower case and without accents, as the search
    compares them.
    """

    def clean_words(self) -> list[str]:
        """Returns the words, sorted and without duplicates."""
        words = _unique(folded(word.strip()) for word in self.cleaned_data["words"])
        for word in words:
            if not WORD.fullmatch(word):
                raise forms.ValidationError(
                    "“%(word)s” is not one word of letters and digits. Put a comma between words.",
                    params={"word": word},
                )
        if len(words) > MOST_WORDS:
            raise forms.ValidationError(
                "A synonym has at most %(most)d words.", params={"most": MOST_WORDS}
            )
        return words

    def clean_categories(self) -> list[str]:
        """Returns the categories in lower case, sorted and without duplicates."""
        return _unique(name.strip().lower() for name in self.cleaned_data["categories"])

    def clean_merchant_codes(self) -> list[str]:
        """Returns the codes, sorted and without duplicates."""
        return _unique(code.strip() for code in self.cleaned_data["merchant_codes"])


def _unique(texts: Iterable[str]) -> list[str]:
    return sorted({text for text in texts if text})


@admin.register(Synonym)
class SynonymAdmin(ListFiles, LockedChanges):
    """The admin pages of synonyms. A change has an effect on the next search."""

    form = SynonymForm
    list_display = ("name", "typed", "found_categories", "found_codes")
    search_fields = ("name", "words", "categories", "merchant_codes")
    search_help_text = "A name, a word, a category or a merchant code, or a part of one."
    ordering = ("name",)
    actions = None

    @admin.display(description="words")
    def typed(self, synonym: Synonym) -> str:
        return ", ".join(synonym.words)

    @admin.display(description="categories")
    def found_categories(self, synonym: Synonym) -> str:
        return ", ".join(synonym.categories)

    @admin.display(description="merchant codes")
    def found_codes(self, synonym: Synonym) -> str:
        return ", ".join(synonym.merchant_codes)

    def get_form(self, request: Any, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Gives each list a wide field."""
        form = super().get_form(request, obj, change, **kwargs)
        for name in ("words", "categories", "merchant_codes"):
            if name in form.base_fields:
                form.base_fields[name].widget.attrs["class"] = "vLargeTextField"
        return form
