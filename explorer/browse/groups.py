"""Counts and sums the payments that a search finds, grouped by one dimension, in one query."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Case, F, Q, When

from accounts.shown import add_accounts
from explorer.browse.dimensions import COUNTERPARTY, MONTH, OUTSIDE, Dimension
from ledger.db.queries.compiled_sql import compiled
from transactions.annotations.search import tags_of
from transactions.scope import Scope, newest_first
from transactions.search.sql.sides import TransactionSides

COUNTED = 100_000  # only the newest payments are counted
# Maximum number of values of these payments together; one payment can have 100 metadata keys
MAX_VALUES = 500_000
MAX_GROUPS = 200
# Only the most frequent accounts are recorded; a row of the read log contains 500 people
MAX_REPORTED_ACCOUNTS = 500

GROUPED = """
WITH matched AS MATERIALIZED ({matched}),
valued AS MATERIALIZED (
    SELECT matched.id, {value} AS value, currency, money_in, money_out, moved
    FROM matched {spread}
    {only}
    LIMIT {most_values}
),
counted AS (
    SELECT value, currency, count(*) AS payments, sum(count(*)) OVER same AS of_value,
           coalesce(sum(money_in), 0) AS money_in, coalesce(sum(money_out), 0) AS money_out,
           coalesce(sum(moved), 0) AS moved
    FROM valued
    GROUP BY value, currency
    WINDOW same AS (PARTITION BY value)
),
ranked AS (SELECT *, dense_rank() OVER (ORDER BY {order}, value) AS place FROM counted)
SELECT value, currency, payments, money_in, money_out, moved,
       (SELECT count(*) FROM matched), (SELECT max(place) FROM ranked),
       CASE (SELECT count(*) FROM valued) WHEN {most_values}
           THEN (SELECT count(DISTINCT id) FROM valued) END,
       {accounts}
FROM ranked WHERE place <= {most} ORDER BY place, payments DESC, currency
"""

ACCOUNTS = """
(SELECT array_agg(side) FROM (
    SELECT side FROM matched, unnest(ARRAY[from_id, to_id]) AS side
    WHERE side IS NOT NULL GROUP BY side ORDER BY count(*) DESC LIMIT {most}
) AS sides)
"""


@dataclass(frozen=True, slots=True)
class CurrencySum:
    """The booked money of one group in one currency. `count` is the number of payments, including
    holds.
    """

    currency: str
    count: int
    money_in: Decimal
    money_out: Decimal
    moved: Decimal


@dataclass(slots=True)
class PaymentGroup:
    """The payments with the same value, with a sum for each currency."""

    value: Any
    sums: list[CurrencySum] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(each.count for each in self.sums)


@dataclass(slots=True)
class PaymentGroups:
    """The groups of payments. The most frequent group is first. If the groups are months, the
    newest month is first.

    `count` is the number of payments. A payment can be in several groups or in none. `is_cut` is
    True if older payments are not counted, because there are more than COUNTED payments or
    MAX_VALUES values. `left_out` is the number of groups that are not listed.
    """

    groups: list[PaymentGroup] = field(default_factory=list)
    count: int = 0
    is_cut: bool = False
    left_out: int = 0


def groups_of(scope: Scope, where: Q, dimension: Dimension) -> PaymentGroups:
    """Returns the groups of the payments in this scope that meet the condition `where`. For the
    whole bank, records the accounts of the payments for the read log, see Note [Whose data].
    """
    matched = compiled(_columns(scope, where, dimension))
    if matched is None:
        return PaymentGroups()
    tags = compiled(tags_of(scope.reader)) if "{tags}" in dimension.spread else None
    spread = dimension.spread.format(tags=tags[0]) if tags else dimension.spread
    by_time = dimension.name == MONTH
    sql = GROUPED.format(
        matched=matched[0],
        value="matched.value" if dimension.value else "found.value",
        spread=spread,
        only="WHERE found.value IS NOT NULL" if dimension.spread else "",
        order="value DESC" if by_time else "of_value DESC",
        most=MAX_GROUPS,
        most_values=MAX_VALUES,
        accounts=ACCOUNTS.format(most=MAX_REPORTED_ACCOUNTS) if scope.is_bank else "NULL",
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, (*matched[1], *(tags[1] if tags else ())))
        return _read(cursor.fetchall())


def _columns(scope: Scope, where: Q, dimension: Dimension) -> Any:
    sides = TransactionSides(scope)
    money = {
        f"money_{direction}": Case(
            When(sides.moved(direction), status="completed", then=F("amount"))
        )
        for direction in ("in", "out")
    }
    annotated: dict[str, Any] = {
        **money,
        "moved": Case(When(status="completed", then=F("amount"))),
        "from_id": F("from_account_id"),
        "to_id": F("to_account_id"),
    }
    if dimension.value:
        annotated["value"] = dimension.value(scope)
    extra = ["metadata"] if "metadata" in dimension.spread else []
    rows = newest_first(scope.transactions().filter(where), scope).annotate(**annotated)
    return rows.values("id", "currency", *extra, *annotated)[: COUNTED + 1]


def _read(rows: list[tuple[Any, ...]]) -> PaymentGroups:
    found = PaymentGroups()
    if rows:
        add_accounts(*rows[0][-1] or ())
    for value, currency, count, money_in, money_out, moved, matched, places, cut_to, _ in rows:
        if not found.groups or found.groups[-1].value != value:
            found.groups.append(PaymentGroup(value))
        sums = CurrencySum(currency, count, money_in, money_out, moved)
        found.groups[-1].sums.append(sums)
        found.count = min(matched, COUNTED) if cut_to is None else cut_to
        found.is_cut = found.count < matched
        found.left_out = max(0, places - MAX_GROUPS)
    return found


def account_ids(groups: PaymentGroups, dimension: Dimension) -> list[UUID]:
    """Returns the ids of the accounts if the payments are grouped by account. Otherwise returns an
    empty list.
    """
    if dimension.name != COUNTERPARTY:
        return []
    values = [group.value for group in groups.groups]
    return [UUID(value) for value in values if not value.startswith(OUTSIDE)]
