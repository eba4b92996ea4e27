"""The synonyms that contain a typed word, as a subquery and as values. The words of synonyms are
stored as the index of the search contains them, see Note [Words].
"""

from dataclasses import dataclass
from typing import Any, Self

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db.models import Func, TextField
from django.db.models.functions import JSONObject

from transactions.synonyms.models import Synonym

MOST_SYNONYMS = 5  # for one typed word


@dataclass(frozen=True, slots=True)
class SynonymMatch:
    """A synonym that contains a typed word: its name, categories and merchant codes. A code that
    begins with a zero is also included without the zero, because a JSON number cannot begin with a
    zero.
    """

    name: str
    categories: tuple[str, ...]
    merchant_codes: tuple[str, ...]

    @classmethod
    def of(cls, row: dict[str, Any]) -> Self:
        """Returns the match for an object of `synonyms_with`."""
        codes = {written for code in row["merchant_codes"] for written in (code, str(int(code)))}
        return cls(row["name"], (*row["categories"],), (*sorted(codes),))


def synonyms_of(row: Any) -> list[str]:
    """Returns the names of the synonyms through which a search found the row. The list is empty if
    the typed words find the row without synonyms.
    """
    return [name for name in dict.fromkeys(getattr(row, "found_by", ())) if name]


def labels_of(row: Any) -> list[str]:
    """Returns one label for each synonym in `synonyms_of(row)`, such as "also: Restaurant"."""
    return [f"also: {name}" for name in synonyms_of(row)]


def synonyms_with(word: Any) -> ArraySubquery:
    """Returns a subquery for an array of JSON objects, one for each synonym that contains all words
    of a typed text, at most MOST_SYNONYMS. `word` is an expression for the text.
    """
    lexemes = Func(
        word,
        template="tsvector_to_array(search_words(%(expressions)s))",
        output_field=ArrayField(TextField()),
    )
    # All words of the text, so that "trip" does not expand TRIP-2024-001. Every array contains an
    # empty array, but none overlaps it.
    same = {"words__contains": lexemes, "words__overlap": lexemes}
    found = Synonym.objects.filter(**same).order_by("name", "pk")
    names = ("name", "categories", "merchant_codes")
    match = JSONObject(**{name: name for name in names})
    return ArraySubquery(found.values(match=match)[:MOST_SYNONYMS])
