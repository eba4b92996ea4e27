"""The synonyms that contain a typed word, as a subquery, and as values."""

from dataclasses import dataclass
from typing import Any, Self

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db.models import Func, TextField
from django.db.models.functions import JSONObject

from transactions.synonyms.models import Synonym


@dataclass(frozen=True, slots=True)
class SynonymMatch:
    """A synonym that contains a typed word: its name, categories and merchant codes."""

    name: str
    categories: tuple[str, ...]
    merchant_codes: tuple[str, ...]

    @classmethod
    def of(cls, row: dict[str, Any]) -> Self:
        """Returns the match for an object of `synonyms_with`."""
        return cls(row["name"], (*row["categories"],), (*row["merchant_codes"],))


def synonyms_with(word: Any) -> ArraySubquery:
    """Returns a subquery for an array of JSON objects, one for each synonym with this word.

    `word` is an expression for the word in lower case and without accents.
    """
    typed = Func(word, template="ARRAY[%(expressions)s]::text[]", output_field=_TEXTS)
    found = Synonym.objects.filter(words__contains=typed).order_by("name")
    names = ("name", "categories", "merchant_codes")
    return ArraySubquery(found.values(match=JSONObject(**{name: name for name in names})))


_TEXTS = ArrayField(TextField())
