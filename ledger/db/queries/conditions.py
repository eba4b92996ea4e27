"""Conditions for `filter()` that Django does not provide.

Note [One of]: the condition is `id = ANY (ARRAY(subquery))` instead of `id IN (subquery)`. Postgres
runs an ARRAY subquery once, before the rest of the query, and can then combine the ids with a GIN
index in a BitmapOr. With OR and IN, Postgres would read every row and look it up in the subquery.
"""

import json
from collections.abc import Sequence
from typing import Any, Self

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, F, Func, Q, QuerySet, TextField, Value

NO_ROWS = Q(pk__in=[])  # Django sends no query for this condition


class IsListed(Func):
    """The condition that a text is one of the texts in a list. The list is one JSON value, so that
    the SQL is the same for every length of the list.
    """

    template = "jsonb_exists(%(expressions)s)"
    arg_joiner = "::jsonb, "
    output_field = BooleanField()

    @classmethod
    def among(cls, texts: Sequence[str], text: Any) -> Self:
        """Returns the condition that the expression `text` is one of `texts`."""
        return cls(Value(json.dumps(texts)), text)


class TextAt(Func):
    """The text at a path of a JSON column, for example TextAt("metadata", path="merchant,mcc")."""

    template = "(%(expressions)s #>> '{%(path)s}')"
    output_field = TextField()

    def __init__(self, *expressions: Any, path: str) -> None:
        super().__init__(*expressions, path=path)
        self.path = path


def one_of(ids: QuerySet[Any, Any], field: str = "pk") -> Q:
    """Returns the condition that `field` is one of the ids: see Note [One of]. `ids` is a queryset
    with one column.
    """
    condition = Func(
        F(field),
        ArraySubquery(ids),
        template="(%(expressions)s))",
        arg_joiner=" = ANY (",
        output_field=BooleanField(),
    )
    return Q(condition)
