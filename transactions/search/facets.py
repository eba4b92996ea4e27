"""Counts the matches of a search: totals per currency, and facets that narrow the search.

One query with GROUPING SETS: Postgres reads the matches once and groups them by each column. The
ORM writes the inner query; it cannot express the outer one.
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

COUNTED = 10_000  # only the newest matches are counted and summed up
MAX_LOGGED = 500  # accounts with the most matches; the log stores as many people
LONGEST = 60  # characters of a facet's value

GROUPED = """
WITH matched AS MATERIALIZED ({matched})
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
"""
# IS TRUE prevents a join. Postgres expects one match, so for a join it would choose a nested loop
# that reads each annotation once per match. With IS TRUE it looks up each annotation once, in a
# hash of the matches.
TAGGED = """
UNION ALL
SELECT 'tag', tag, NULL, NULL, NULL, count(*), 0, 0, 0
FROM ({tags}) AS annotated, unnest(annotated.tags) AS tag
WHERE (annotated.transaction_id IN (SELECT id FROM matched)) IS TRUE
GROUP BY tag
"""
# For the log of reads: the counts are about more people than the rows of a page.
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
    """The number of matches in one currency, including holds. Money in and out counts only booked
    ones.
    """

    currency: str
    count: int
    money_in: Decimal
    money_out: Decimal


@dataclass(slots=True)
class Facets:
    """The number of matches, totals, and the values of each facet with their counts.

    Values are sorted by frequency, months newest first. If `is_cut`, there are more than COUNTED
    matches, and only the newest COUNTED are counted. `holds` is the number of holds, open or
    closed, among the matches; they moved no money.
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
    """Counts the rows of the scope that match `where`, in one query.

    Money in and out is seen from the given accounts, or from the whole scope. For the whole bank,
    the accounts of the matches are added to the log of reads: see Note [Whose data].
    """
    columns = _columns.statement(scope, where, account_ids, COUNTED + 1)
    if columns is None:
        return Facets()
    sql, params = GROUPED.format(matched=columns[0]), columns[1]
    # Tags are private, so there are none in the whole bank.
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
    """Returns the columns to group by, of the newest matches."""
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
            facets.count, facets.is_cut = min(count, COUNTED), count > COUNTED
            facets.holds = holds
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
