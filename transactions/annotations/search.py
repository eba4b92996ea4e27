"""Searches annotations (notes and tags). The functions return subqueries of transaction ids.

Annotations are private, so the first argument of each function is the reader. Use `one_of` to
combine a subquery with the condition on the search column of transactions:

    Q(search=words) | one_of(ids_with_words(reader, words))

One word of a query may be in the payment and the next word in the note. So build a condition for
each word or phrase separately, and combine the conditions. To exclude a word, use `~Q(...)` on the
whole condition. Do not use a tsquery with "!", because it does not find payments without an
annotation.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db import models
from django.db.models import Count, F, Func, Max, QuerySet, Value

from accounts.models import User
from ledger.db.queries.tsqueries import LexemeQuery
from transactions.annotations.models import Annotation
from transactions.annotations.models.annotation import AnnotationQuerySet

MAX_TAGS_SHOWN = 50
Ids = QuerySet[Annotation, Any]  # one column: transaction ids


@dataclass(frozen=True, slots=True)
class TagInUse:
    """A tag, the number of its transactions, and the time when it was last
    added to a transaction.
    """

    tag: str
    count: int
    last_at: datetime


def ids_with_words(user: User, query: SearchQuery) -> Ids:
    """Returns the ids of transactions whose note or tags by the user contain these words."""
    return _ids(_current(user).matching(query))


def ids_with_note(user: User, query: SearchQuery | None = None) -> Ids:
    """Returns the ids of transactions that have a note by the user. If `query` is not None, the
    note must also match `query`.
    """
    rows = _current(user).exclude(text="")
    if query is not None:
        text = Func(
            F("search"),
            Value("{a}"),
            template='ts_filter(%(expressions)s::"char"[])',
            output_field=SearchVectorField(),
        )
        # A GIN index does not store weights, so Postgres reads each row that the index finds.
        rows = rows.matching(query).annotate(note_words=text).filter(note_words=query)
    return _ids(rows)


def ids_with_tag(user: User, tag: str = "") -> Ids:
    """Returns the ids of transactions that have the user's tag `tag`. The text "#Holiday" finds the
    tag "holiday". If `tag` is empty, returns the ids of all transactions with a tag.
    """
    rows = _current(user).exclude(tags=[])
    word = tag.strip().removeprefix("#").lower()
    return _ids(rows.matching(tag_query(word)) if word else rows)


def tag_query(tag: str) -> SearchQuery:
    """Returns the tsquery that finds a whole tag, see Note [Tag lexemes]."""
    plain = "".join(c for c in tag if c.isprintable())
    quoted = plain.replace("\\", "\\\\").replace("'", "''")
    return LexemeQuery(f"'#{quoted}'")


def tags_of(user: User) -> QuerySet[Annotation, Any]:
    """Returns `transaction_id` and `tags` of each transaction that the user has tagged."""
    return _current(user).exclude(tags=[]).order_by().values("transaction_id", "tags")


def annotation_words(user: User) -> QuerySet[Annotation, Any]:
    """Returns the values of the search column of the user's current annotations, newest first."""
    return _current(user).present().newest_first().values("search")


def tags_in_use(user: User, *, most: int = MAX_TAGS_SHOWN) -> list[TagInUse]:
    """Returns the tags that the user uses now, the most frequent first, at most `most`."""
    rows = (
        _current(user)
        .annotate(tag=Func(F("tags"), function="unnest", output_field=models.TextField()))
        .values("tag")
        .annotate(many=Count("pk"), last_at=Max("created_at"))
        .order_by("-many", "-last_at", "tag")
    )
    return [TagInUse(row["tag"], row["many"], row["last_at"]) for row in rows[:most]]


def _current(user: User) -> AnnotationQuerySet:
    rows: AnnotationQuerySet = Annotation.objects.of(user).latest()
    return rows


def _ids(rows: QuerySet[Annotation]) -> Ids:
    return rows.order_by().values("transaction_id")
