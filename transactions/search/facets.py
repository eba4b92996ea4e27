"""Counts the matches of a search: the totals per currency, and the values of each facet.

One query with GROUPING SETS returns all counts: Postgres reads the matches once and groups them by
each column. The ORM generates the inner query, but cannot express the outer query.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Case, F, Q, UUIDField, When
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce, Left, Lower, TruncMonth

from accounts.shown import add_accounts
from ledger.db.queries.compiled_once import CompiledOnce
from transactions.annotations.categories import own_category
from transactions.annotations.search import tags_of
from transactions.models.transaction import TransactionQuerySet
from transactions.scope import Scope, newest_first
from transactions.search.sql.sides import TransactionSides

# Maximum number of matches that are counted and summed. The newest matches are counted.
COUNTED = 10_000
# Maximum number of accounts with matches in the log of reads, the most frequent first.
MAX_LOGGED = 500
LONGEST = 60  # maximum length of a facet's value, in characters

# `found` contains one row more than COUNTED. Postgres reads a materialized CTE in order, so
# `matched` contains the newest rows.
GROUPED = """
WITH found AS MATERIALIZED ({found}),
matched AS MATERIALIZED (SELECT * FROM found LIMIT {counted})
SELECT CASE 0
           WHEN GROUPING(currency) THEN 'currency' WHEN GROUPING(category_) THEN 'category'
           WHEN GROUPING(channel) THEN 'channel' WHEN GROUPING(month) THEN 'month'
           WHEN GROUPING(type) THEN 'type' WHEN GROUPING(own_from, own_to) THEN 'account'
           ELSE 'all'
       END,
       COALESCE(currency, category_, channel, type), month, own_from, own_to,
       count(*), COALESCE(sum(money_in), 0), COALESCE(sum(money_out), 0),
       count(*) FILTER (WHERE status <> 'completed')
FROM matched
GROUP BY GROUPING SETS
    ((), (currency), (category_), (channel), (month), (type), (own_from, own_to))
UNION ALL
SELECT 'more', NULL, NULL, NULL, NULL, count(*), 0, 0, 0
FROM (SELECT FROM found OFFSET {counted}) AS rest
"""
# IS TRUE prevents a join. For a join, Postgres expects only one match and would choose a nested
# loop, which reads every annotation again for each match. With IS TRUE, Postgres reads each
# annotation once and looks up its transaction in a hash table of the matches.
TAGGED = """
UNION ALL
SELECT 'tag', tag, NULL, NULL, NULL, count(*), 0, 0, 0
FROM ({tags}) AS annotated, unnest(annotated.tags) AS tag
WHERE (annotated.transaction_id IN (SELECT id FROM matched)) IS TRUE
GROUP BY tag
"""
# Counts the accounts for the log of reads. The facets contain data about more people than the rows
# of the page.
SIDES = """
UNION ALL
(SELECT 'side', side::text, NULL, NULL, NULL, count(*), 0, 0, 0
 FROM matched, unnest(ARRAY[from_account_id, to_account_id]) AS side
 WHERE side IS NOT NULL
 GROUP BY side
 ORDER BY count(*) DESC
 LIMIT {most})
"""


@dataclass(frozen=True, slots=True)
class CurrencyTotal:
    """The number of matches in one currency, including holds. The sums of money in and out include
    only booked transactions.
    """

    currency: str
    count: int
    money_in: Decimal
    money_out: Decimal


@dataclass(slots=True)
class Facets:
    """The number of matches, the totals, and the values of each facet with their counts.

    The most frequent values come first, but months are sorted with the newest first. If `is_cut` is
    True, there are more matches than the limit COUNTED, and only the newest matches are counted.
    `holds` is the number of open and closed holds among the matches.
    """

    count: int = 0
    holds: int = 0
    is_cut: bool = False
    totals: list[CurrencyTotal] = field(default_factory=list)
    category: list[tuple[str, int]] = field(default_factory=list)
    channel: list[tuple[str, int]] = field(default_factory=list)
    month: list[tuple[datetime, int]] = field(default_factory=list)
    type: list[tuple[str, int]] = field(default_factory=list)
    account: list[tuple[UUID, int]] = field(default_factory=list)
    tag: list[tuple[str, int]] = field(default_factory=list)


def facets_of(scope: Scope, where: Q, account_ids: Sequence[UUID] = ()) -> Facets:
    """Counts the rows of the scope that match `where`, and returns the facets. Sends one query.

    "In" and "out" mean into and out of the accounts in `account_ids`, or of the whole scope if
    `account_ids` is empty. For the whole bank, the accounts of the matches are added to the log of
    reads, see Note [Whose data].
    """
    columns = _columns.statement(scope, where, account_ids, COUNTED + 1)
    if columns is None:
        return Facets()
    sql, params = GROUPED.format(found=columns[0], counted=COUNTED), columns[1]
    # Tags are private, so a search of the whole bank has no tags.
    tags = None if scope.is_bank else _tags.statement(scope.reader)
    if scope.is_bank:
        sql += SIDES.format(most=MAX_LOGGED)
    if tags is not None:
        sql, params = sql + TAGGED.format(tags=tags[0]), (*params, *tags[1])
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return _read(cursor.fetchall())


@CompiledOnce
def _columns(scope: Scope, where: Q, account_ids: Sequence[UUID], most: int) -> TransactionQuerySet:
    """Returns a query for the newest matches, at most `most`, with the columns of the facets."""
    ids, sides = scope.ids, TransactionSides(scope)
    money_in, money_out = (
        Case(When(sides.moved(direction, account_ids), status="completed", then=F("amount")))
        for direction in ("in", "out")
    )
    from_, to = (
        Case(When(**{f"{side}__in": ids}, then=F(side)), output_field=UUIDField())
        for side in ("from_account", "to_account")
    )
    category: Any = F("category")
    if not scope.is_bank:
        category = Coalesce(own_category(scope.reader), category)
    annotated: dict[str, Any] = {
        "category_": Lower(Left(category, LONGEST + 1)),
        "channel": Lower(Left(KT("metadata__channel"), LONGEST + 1)),
        "month": TruncMonth("created_at"),
        "own_from": from_,
        "own_to": to,
        "money_in": money_in,
        "money_out": money_out,
    }
    logged_sides = ("from_account_id", "to_account_id") if scope.is_bank else ()
    columns: TransactionQuerySet = (
        newest_first(scope.transactions().filter(where), scope)
        .annotate(**annotated)
        .values("id", "currency", "type", "status", *logged_sides, *annotated)[:most]
    )
    return columns


_tags = CompiledOnce(tags_of)


def _read(rows: Sequence[tuple[Any, ...]]) -> Facets:
    facets = Facets()
    accounts: Counter[UUID] = Counter()
    for kind, value, month, own_from, own_to, count, money_in, money_out, holds in rows:
        if kind == "all":
            facets.count, facets.holds = count, holds
        elif kind == "more":
            facets.is_cut = count > 0
        elif kind == "currency":
            facets.totals.append(CurrencyTotal(value, count, money_in, money_out))
        elif kind == "month":
            facets.month.append((month, count))
        elif kind == "side":
            add_accounts(UUID(value))
        elif kind == "account":
            accounts.update({own: count for own in (own_from, own_to) if own})
        elif value and len(value) <= LONGEST:
            getattr(facets, kind).append((value, count))
    facets.account = accounts.most_common()
    facets.month.sort(reverse=True)
    facets.totals.sort(key=lambda total: (-total.count, total.currency))
    for values in (facets.category, facets.channel, facets.type, facets.tag):
        values.sort(key=lambda pair: (-pair[1], pair[0]))
    return facets
