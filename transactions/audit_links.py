"""The checks of what rows point to: accounts, the hold they capture, the row they reverse."""

from collections.abc import Iterator
from datetime import datetime

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Window

from accounts.models import Account
from transactions.audit_findings import Finding
from transactions.models import Transaction

# Each query gives the first broken row, by id, and how many there are.
CAPTURES = """
SELECT account, id, expected, found, count(*) OVER () FROM (
    SELECT hold.from_account_id AS account, hold.id,
           'a row that captures it' AS expected, 'captured by none' AS found
    FROM transactions AS hold
    WHERE hold.status = 'captured' {since_hold}
      AND NOT EXISTS (SELECT FROM transactions AS row WHERE row.captures_id = hold.id)
    UNION ALL
    SELECT row.from_account_id, coalesce(hold.id, row.id),
           CASE WHEN hold.id IS NULL THEN 'a hold that it captures'
                WHEN hold.status <> 'captured' THEN 'captured'
                WHEN row.status <> 'completed' THEN 'a completed row that captures it'
                WHEN row.amount > hold.amount THEN 'at most ' || hold.amount || ' captured'
                WHEN row.from_account_id IS DISTINCT FROM hold.from_account_id
                     OR row.to_account_id IS DISTINCT FROM hold.to_account_id
                     OR row.currency <> hold.currency THEN 'a capture with the sides of its hold'
                WHEN row.times > 1 THEN 'one capture'
           END,
           CASE WHEN hold.id IS NULL THEN 'none'
                WHEN hold.status <> 'captured' THEN hold.status
                WHEN row.status <> 'completed' THEN row.status
                WHEN row.amount > hold.amount THEN row.amount::text
                WHEN row.times > 1 THEN row.times::text
                ELSE 'others in ' || row.id
           END
    FROM (SELECT *, count(*) OVER (PARTITION BY captures_id) AS times
          FROM transactions WHERE captures_id IS NOT NULL {since}) AS row
    LEFT JOIN transactions AS hold ON hold.id = row.captures_id
) AS judged WHERE expected IS NOT NULL ORDER BY id LIMIT 1"""

REVERSALS = """
SELECT account, id, expected, found, count(*) OVER () FROM (
    SELECT coalesce(row.from_account_id, row.to_account_id) AS account, row.id,
           CASE WHEN original.id IS NULL THEN 'a row that it reverses'
                WHEN row.status <> 'completed' THEN 'a completed reversal'
                WHEN original.status <> 'completed' THEN 'a reversal of a completed row'
                WHEN original.reverses_id IS NOT NULL THEN 'a reversal of a payment'
                WHEN row.from_account_id IS DISTINCT FROM original.to_account_id
                     OR row.to_account_id IS DISTINCT FROM original.from_account_id
                     OR row.currency <> original.currency
                THEN 'the sides of its original, the other way round'
                WHEN row.total > original.amount
                THEN 'at most ' || original.amount || ' reversed of ' || original.id
           END AS expected,
           CASE WHEN original.id IS NULL THEN 'none'
                WHEN row.status <> 'completed' THEN row.status
                WHEN original.status <> 'completed' THEN original.status
                WHEN original.reverses_id IS NOT NULL THEN 'a reversal of a reversal'
                WHEN row.total > original.amount THEN row.total::text
                ELSE 'others'
           END AS found
    FROM (SELECT *, sum(amount) OVER (PARTITION BY reverses_id) AS total
          FROM transactions WHERE reverses_id IS NOT NULL {since}) AS row
    LEFT JOIN transactions AS original ON original.id = row.reverses_id
) AS judged WHERE expected IS NOT NULL ORDER BY id LIMIT 1"""
# With a row, every other one that points to the same: together they must fit.
SINCE = """
    AND {link} IN (SELECT {link} FROM transactions
                   WHERE {link} IS NOT NULL AND created_at >= %(since)s)"""


def captures(since: datetime | None = None) -> Iterator[Finding]:
    """A hold is captured exactly when one completed row captures it, for at most its amount."""
    query = CAPTURES.format(
        since_hold="AND hold.created_at >= %(since)s" if since else "",
        since=SINCE.format(link="captures_id") if since else "",
    )
    yield from _first("capture", query, since)


def reversals(since: datetime | None = None) -> Iterator[Finding]:
    """A reversal mirrors a completed payment; together they never exceed it."""
    query = REVERSALS.format(since=SINCE.format(link="reverses_id") if since else "")
    yield from _first("reversal", query, since)


def orphans(since: datetime | None = None) -> Iterator[Finding]:
    """Every side names an account of the books in the transaction's currency."""
    for side in ("from_account", "to_account"):
        account = Account.objects.filter(pk=OuterRef(side), currency=OuterRef("currency"))
        rows = Transaction.objects.filter(~Exists(account), **{f"{side}__isnull": False})
        if since is not None:
            rows = rows.filter(created_at__gte=since)
        for row in rows.annotate(broken=Window(Count("*"))).order_by("pk")[:1]:
            yield Finding(
                "orphan",
                str(getattr(row, f"{side}_id")),
                str(row.pk),
                f"an account in {row.currency}",
                "none",
                row.broken,
            )


def _first(check: str, query: str, since: datetime | None) -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute(query, {"since": since})
        row = cursor.fetchone()
    if row is not None:
        account, transaction, expected, found, broken = row
        account = str(account) if account else None
        yield Finding(check, account, str(transaction), expected, found, broken)
