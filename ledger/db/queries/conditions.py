"""Conditions for `filter()` that Django does not provide.

Note [One of]: the condition is `id = ANY (ARRAY(subquery))` and not `id IN (subquery)`. Postgres
runs an ARRAY subquery once, before the rest, and combines the ids with the result of a GIN index in
a BitmapOr. An OR with IN does not allow this plan: Postgres would read every row and look up each
row in the subquery.
"""

from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, F, Func, Q, QuerySet

NO_ROWS = Q(pk__in=[])  # Django sends no query for this condition


def one_of(ids: QuerySet[Any, Any], field: str = "pk") -> Q:
    """Returns the condition that `field` is one of the ids, see Note [One of]. `ids` is a queryset
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
