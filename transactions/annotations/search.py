"""What a search asks of owners' notes and tags, as subqueries of transaction ids.

A reader's own notes alone are ever asked: each function takes the reader first. What they
return goes into `one_of`, beside the condition on the search column:

    Q(search=words) | one_of(annotated(reader, words))

Note [One of]: `id = ANY (ARRAY(subquery))`, not `id IN (subquery)`. Postgres runs an ARRAY
first, once, and then joins the ids by BitmapOr to what the GIN index gives. An OR with an IN
it cannot take apart: it would read every row and look each up.

Ask for one word or phrase at a time and join the answers: the words of a query may stand some
in the payment and some in its note. What is shut out is negated outside (`~Q(...)`): a query
with "not" in it would let in every payment whose note lacks the word, and shut out none.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db import models
from django.db.models import Count, F, Func, Max, Q, QuerySet, Value

from accounts.models import User
from ledger.db.tsqueries import LexemeQuery
from transactions.models import Annotation
from transactions.models.annotation import AnnotationQuerySet

MOST_TAGS_SHOWN = 50
Ids = QuerySet[Annotation, Any]  # their transactions' ids alone


@dataclass(frozen=True, slots=True)
class TagInUse:
    """A tag, on how many transactions it stands, and when it was last given."""

    tag: str
    count: int
    last_at: datetime


def one_of(ids: QuerySet[Any, Any], field: str = "pk") -> Q:
    """The condition that `field` is one of the ids, see Note [One of].

    `field` is "pk" of transactions, "transaction_id" of entries, or any other that holds such ids.
    """
    condition = Func(
        F(field),
        ArraySubquery(ids),
        template="(%(expressions)s))",
        arg_joiner=" = ANY (",
        output_field=models.BooleanField(),
    )
    return Q(condition)


def annotated(user: User, query: SearchQuery) -> Ids:
    """Transactions of which `user` says something with these words, in the text or the tags."""
    return _ids(_said_by(user).matching(query))


def noted(user: User, query: SearchQuery | None = None) -> Ids:
    """Transactions with a text by `user`; with `query`, those whose text has the words."""
    rows = _said_by(user).exclude(text="")
    if query is not None:
        text = Func(
            F("search"),
            Value("{a}"),
            template='ts_filter(%(expressions)s::"char"[])',
            output_field=SearchVectorField(),
        )
        # The index knows no weights: it finds the rows, which are then looked at once more.
        rows = rows.matching(query).annotate(words_of_text=text).filter(words_of_text=query)
    return _ids(rows)


def tagged(user: User, tag: str = "") -> Ids:
    """Transactions that `user` gave this very tag; without one, any tag at all.

    "#Holiday" is asked for as "holiday", as it is kept.
    """
    rows = _said_by(user).exclude(tags=[])
    word = tag.strip().removeprefix("#").lower()
    return _ids(rows.matching(tag_query(word)) if word else rows)


def tag_query(tag: str) -> SearchQuery:
    """The query of a whole tag, see Note [Tag lexemes]."""
    plain = "".join(c for c in tag if c.isprintable())
    quoted = plain.replace("\\", "\\\\").replace("'", "''")
    return LexemeQuery(f"'#{quoted}'")


def tags_of(user: User) -> QuerySet[Annotation, Any]:
    """Each of somebody's transactions that has tags now, with them: `transaction_id`, `tags`."""
    return _said_by(user).exclude(tags=[]).order_by().values("transaction_id", "tags")


def words_noted(user: User) -> QuerySet[Annotation, Any]:
    """The words of what somebody says now: `search`, the newest first."""
    return _said_by(user).present().newest_first().values("search")


def tags_in_use(user: User, *, most: int = MOST_TAGS_SHOWN) -> list[TagInUse]:
    """The tags of somebody's transactions as they stand now, the most used first."""
    rows = (
        _said_by(user)
        .annotate(tag=Func(F("tags"), function="unnest", output_field=models.TextField()))
        .values("tag")
        .annotate(many=Count("pk"), last_at=Max("created_at"))
        .order_by("-many", "-last_at", "tag")
    )
    return [TagInUse(row["tag"], row["many"], row["last_at"]) for row in rows[:most]]


def _said_by(user: User) -> AnnotationQuerySet:
    rows: AnnotationQuerySet = Annotation.objects.of(user).latest()
    return rows


def _ids(rows: QuerySet[Annotation]) -> Ids:
    return rows.order_by().values("transaction_id")
