"""`Synonym`, the model of words for which a search also finds payments of a category or a kind of
shop.
"""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Func, Q, TextField, Value
from django.db.models.lookups import Regex

from ledger.db.ids import uuid7

MAX_WORDS, MAX_CATEGORIES, MAX_CODES = 60, 5, 30
WORD_LENGTH, CATEGORY_LENGTH = 40, 60  # characters
JOINED = Func(F("merchant_codes"), Value(","), function="array_to_string", output_field=TextField())


class Synonym(models.Model):
    """Words that people type, such as "coffee" or "lunch". A search for one of these words also
    finds the payments of the categories, and the payments to shops with the merchant codes.

    `words` are in lower case and without accents, see Note [Words]. `categories` are in lower case.
    A merchant code has four digits (ISO 18245). The metadata of payments contains it as
    `merchant.mcc`.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=40, help_text="Results show it, as in “also: Restaurant”.")
    words = ArrayField(models.CharField(max_length=WORD_LENGTH))
    categories = ArrayField(models.CharField(max_length=CATEGORY_LENGTH), blank=True, default=list)
    merchant_codes = ArrayField(models.CharField(max_length=4), blank=True, default=list)

    class Meta:
        db_table = "synonyms"
        db_table_comment = "Words by which the search also finds categories and kinds of shops"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="synonym_has_words",
                condition=~Q(name="") & Q(words__len__gt=0),
                violation_error_message="A synonym has a name and at least one word.",
            ),
            models.CheckConstraint(
                name="synonym_finds_something",
                condition=Q(categories__len__gt=0) | Q(merchant_codes__len__gt=0),
                violation_error_message="A synonym has a category or a merchant code.",
            ),
            models.CheckConstraint(
                name="synonym_is_small",
                condition=Q(
                    words__len__lte=MAX_WORDS,
                    categories__len__lte=MAX_CATEGORIES,
                    merchant_codes__len__lte=MAX_CODES,
                ),
                violation_error_message=(
                    f"A synonym has at most {MAX_WORDS} words, {MAX_CATEGORIES} categories and"
                    f" {MAX_CODES} merchant codes."
                ),
            ),
            models.CheckConstraint(
                name="merchant_codes_have_four_digits",
                condition=Q(Regex(JOINED, r"^([0-9]{4}(,[0-9]{4})*)?$")),
                violation_error_message="A merchant code has four digits.",
            ),
        ]

    def __str__(self) -> str:
        return self.name
