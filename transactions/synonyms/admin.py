"""The admin pages of synonyms."""

import re
from typing import Any

from django import forms
from django.contrib import admin
from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin.history import LockedChanges
from accounts.admin.list_files import ListFiles
from ledger.text.fuzzy import folded
from ledger.text.lines import tidy_line
from transactions.synonyms.models import (
    CATEGORY_LENGTH,
    MAX_CATEGORIES,
    MAX_CODES,
    MAX_WORDS,
    WORD_LENGTH,
    Synonym,
)

CODE = re.compile("[0-9]{4}")
LEXEMES = """
    SELECT typed, tsvector_to_array(search_words(typed)) FROM unnest(%s::text[]) AS typed
    ORDER BY typed
"""
CATEGORIES = """
    SELECT DISTINCT lower(normalize(name)), search_words(name) <> ''
    FROM unnest(%s::text[]) AS name ORDER BY 1
"""


class TextsField(forms.CharField):
    """A field for a list of texts, which the user types with commas. `clean` returns the list,
    sorted and without duplicates. `most` is the maximum number of texts, and `longest` is the
    maximum length of a text in characters.
    """

    widget = forms.TextInput(attrs={"class": "vLargeTextField"})

    def __init__(self, *, most: int, longest: int, **options: Any) -> None:
        super().__init__(**options)
        self.most, self.longest = most, longest

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)

    def clean(self, value: Any) -> Any:
        """Returns the list. Raises ValidationError if a text is too long or if there are too many
        texts.
        """
        texts = sorted({text.strip() for text in super().clean(value).split(",")} - {""})
        if self.required and not texts:
            raise forms.ValidationError(self.error_messages["required"], code="required")
        if len(texts) > self.most:
            raise forms.ValidationError(
                "At most %(most)d are possible.", params={"most": self.most}
            )
        for text in texts:
            if len(text) > self.longest:
                raise forms.ValidationError(
                    "“%(text)s…” is longer than %(longest)d characters.",
                    params={"text": text[: self.longest], "longest": self.longest},
                )
        return texts


class SynonymForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form for a synonym. Words are stored in the form in which the search compares them, see
    Note [Words].
    """

    words = TextsField(
        most=MAX_WORDS,
        longest=WORD_LENGTH,
        help_text="What people type, with commas between the words: coffee, lunch, dinner.",
    )
    categories = TextsField(
        most=MAX_CATEGORIES,
        longest=CATEGORY_LENGTH,
        required=False,
        help_text="Categories of payments, with commas between them.",
    )
    merchant_codes = TextsField(
        most=MAX_CODES,
        longest=4,
        required=False,
        help_text="Four digits each, with commas between them: 5812, 5814.",
    )

    def clean_name(self) -> str:
        """Returns the name without invisible characters. Raises ValidationError if nothing is
        left.
        """
        name = tidy_line(self.cleaned_data["name"])
        if not name:
            raise forms.ValidationError("Write a name.")
        return name

    def clean_words(self) -> list[str]:
        """Returns the words in lower case and without accents."""
        with connection.cursor() as cursor:
            cursor.execute(LEXEMES, [self.cleaned_data["words"]])
            found: list[tuple[str, list[str]]] = cursor.fetchall()
        for typed, lexemes in found:
            if len(lexemes) != 1:
                raise forms.ValidationError(
                    "“%(typed)s” is not one word of letters and digits. Put a comma between words.",
                    params={"typed": typed},
                )
        return sorted({word for _typed, (word,) in found})

    def clean_categories(self) -> list[str]:
        """Returns the categories in lower case, as the search compares them. Raises ValidationError
        for a category without a word, because the index does not find it.
        """
        with connection.cursor() as cursor:
            cursor.execute(CATEGORIES, [self.cleaned_data["categories"]])
            found: list[tuple[str, bool]] = cursor.fetchall()
        for name, has_words in found:
            if not has_words:
                raise forms.ValidationError(
                    "“%(name)s” has no letters or digits.", params={"name": name}
                )
        return [name for name, _has_words in found]

    def clean_merchant_codes(self) -> list[str]:
        """Returns the merchant codes."""
        codes: list[str] = self.cleaned_data["merchant_codes"]
        for code in codes:
            if not CODE.fullmatch(code):
                raise forms.ValidationError(
                    "“%(code)s” does not have four digits.", params={"code": code}
                )
        return codes


@admin.register(Synonym)
class SynonymAdmin(ListFiles, LockedChanges):
    """The admin pages of synonyms. A change of a synonym takes effect in the next search."""

    form = SynonymForm
    list_display = ("name", "typed", "found_categories", "found_codes")
    search_fields = ("name__unaccent__icontains", "words", "categories", "merchant_codes")
    search_help_text = "A name, a word, a category or a merchant code, or a part of one."
    ordering = ("name",)
    actions = None

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Returns the synonyms that contain the search term. Compares the term as it was typed, and
        also without its accents, because words are stored without accents.
        """
        typed, _ = super().get_search_results(request, queryset, search_term)
        plain, _ = super().get_search_results(request, queryset, folded(search_term))
        return typed | plain, False

    @admin.display(description="words")
    def typed(self, synonym: Synonym) -> str:
        return ", ".join(synonym.words)

    @admin.display(description="categories")
    def found_categories(self, synonym: Synonym) -> str:
        return ", ".join(synonym.categories)

    @admin.display(description="merchant codes")
    def found_codes(self, synonym: Synonym) -> str:
        return ", ".join(synonym.merchant_codes)
