"""Checks the accounts, captured holds and reversed transactions to which transactions refer."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Window

from accounts.models import Account
from transactions.audit.findings import STATUS_WORDS, Finding, amount_text, named
from transactions.models import Transaction

# Each query returns the first wrong row by id, the kind of error, the linked row, both amounts, and
# the number of wrong rows.
CAPTURES = """
SELECT account, id, wrong, other, status, amount, most, currency, times, count(*) OVER () FROM (
    SELECT hold.from_account_id AS account, hold.id, 'not captured' AS wrong, NULL::uuid AS other,
           hold.status, NULL::numeric AS amount, hold.amount AS most, hold.currency,
           0::bigint AS times
    FROM transactions AS hold
    WHERE hold.status = 'captured' {since_hold}
      AND NOT EXISTS (SELECT FROM transactions AS row WHERE row.captures_id = hold.id)
    UNION ALL
    SELECT coalesce(row.from_account_id, row.to_account_id), coalesce(hold.id, row.id),
           CASE WHEN hold.id IS NULL THEN 'no hold'
                WHEN hold.status <> 'captured' THEN 'hold not ended'
                WHEN row.status <> 'completed' THEN 'capture not booked'
                WHEN row.amount > hold.amount THEN 'too much captured'
                WHEN row.from_account_id IS DISTINCT FROM hold.from_account_id
                     OR row.to_account_id IS DISTINCT FROM hold.to_account_id
                     OR row.currency <> hold.currency THEN 'capture of other sides'
                WHEN row.times > 1 THEN 'captured again'
           END,
           coalesce(CASE WHEN hold.id IS NOT NULL THEN row.id END, row.captures_id),
           CASE WHEN hold.status <> 'captured' THEN hold.status ELSE row.status END,
           row.amount, hold.amount, row.currency, row.times
    FROM (SELECT *, count(*) OVER (PARTITION BY captures_id) AS times
          FROM transactions WHERE captures_id IS NOT NULL {since}) AS row
    LEFT JOIN transactions AS hold ON hold.id = row.captures_id
) AS judged WHERE wrong IS NOT NULL ORDER BY id LIMIT 1"""

REVERSALS = """
SELECT account, id, wrong, other, status, amount, most, currency, 0, count(*) OVER () FROM (
    SELECT coalesce(row.from_account_id, row.to_account_id) AS account, row.id,
           CASE WHEN original.id IS NULL THEN 'no original'
                WHEN row.status <> 'completed' THEN 'reversal not booked'
                WHEN original.status <> 'completed' THEN 'original not booked'
                WHEN original.reverses_id IS NOT NULL THEN 'reversal of a reversal'
                WHEN row.from_account_id IS DISTINCT FROM original.to_account_id
                     OR row.to_account_id IS DISTINCT FROM original.from_account_id
                     OR row.currency <> original.currency THEN 'reversal of other sides'
                WHEN row.total > original.amount THEN 'too much reversed'
           END AS wrong,
           row.reverses_id AS other,
           CASE WHEN row.status <> 'completed' THEN row.status ELSE original.status END AS status,
           row.total AS amount, original.amount AS most, row.currency
    FROM (SELECT *, sum(amount) OVER (PARTITION BY reverses_id) AS total
          FROM transactions WHERE reverses_id IS NOT NULL {since}) AS row
    LEFT JOIN transactions AS original ON original.id = row.reverses_id
) AS judged WHERE wrong IS NOT NULL ORDER BY id LIMIT 1"""
# Also reads older rows that link to the same row as a new row, because their amounts are added up.
SINCE = """
    AND {link} IN (SELECT {link} FROM transactions
                   WHERE {link} IS NOT NULL AND created_at >= %(since)s)"""


class BrokenLink(NamedTuple):
    """A result row of the queries in this module. `many` is the number of wrong rows."""

    account: UUID | None
    id: UUID
    wrong: str
    other: UUID | None
    status: str | None
    amount: Decimal | None
    most: Decimal | None
    currency: str
    times: int
    many: int


class LinkWording(NamedTuple):
    """The texts of a finding: the expected and the found value for programs, and a sentence for
    people.
    """

    expected: str
    found: str
    sentence: str


HOLD, ROW = "Hold {id} on {account}", "Transaction {id} on {account}"
WORDS = {
    "not captured": LinkWording(
        "a row that captures it", "captured by none",
        f"{HOLD} counts as captured, but no transaction in the books captures it.",
    ),
    "no hold": LinkWording(
        "a hold that it captures", "none",
        f"{ROW} is recorded as a capture of hold {{other}}, which is not in the books.",
    ),
    "hold not ended": LinkWording(
        "captured", "{status}",
        f"{HOLD} was captured by transaction {{other}}, but its status is {{state}}.",
    ),
    "capture not booked": LinkWording(
        "a completed row that captures it", "{status}",
        f"{HOLD} counts as captured by transaction {{other}}, which is not booked but {{state}}.",
    ),
    "too much captured": LinkWording(
        "at most {most} captured", "{amount}",
        f"{HOLD} reserved {{most_text}}, but transaction {{other}} captured {{amount_text}}.",
    ),
    "capture of other sides": LinkWording(
        "a capture with the sides of its hold", "others in {other}",
        f"{HOLD} was captured by transaction {{other}}, but the two do not name the same "
        "accounts and currency.",
    ),
    "captured again": LinkWording(
        "one capture", "{times}",
        f"{HOLD} was captured {{times}} times, once by transaction {{other}}; a hold is "
        "captured once.",
    ),
    "no original": LinkWording(
        "a row that it reverses", "none",
        f"{ROW} is recorded as a refund of transaction {{other}}, which is not in the books.",
    ),
    "reversal not booked": LinkWording(
        "a completed reversal", "{status}",
        f"{ROW} should refund transaction {{other}}, but it is {{state}}, not booked.",
    ),
    "original not booked": LinkWording(
        "a reversal of a completed row", "{status}",
        f"{ROW} refunds transaction {{other}}, which was never booked: it is {{state}}.",
    ),
    "reversal of a reversal": LinkWording(
        "a reversal of a payment", "a reversal of a reversal",
        f"{ROW} refunds transaction {{other}}, which is itself a refund.",
    ),
    "reversal of other sides": LinkWording(
        "the sides of its original, the other way round", "others",
        f"{ROW} refunds transaction {{other}}, but not in the opposite direction between the same "
        "accounts and in the same currency.",
    ),
    "too much reversed": LinkWording(
        "at most {most} reversed of {other}", "{amount}",
        f"{ROW} is a refund of transaction {{other}}, which was for {{most_text}}, but "
        "{amount_text} of it was refunded in total.",
    ),
}  # fmt: skip


def captures(since: datetime | None = None) -> Iterator[Finding]:
    """Yields the first broken capture. Each captured hold must have exactly one completed
    transaction that captures the hold. The amount of this transaction must not exceed the amount of
    the hold.
    """
    query = CAPTURES.format(
        since_hold="AND hold.created_at >= %(since)s" if since else "",
        since=SINCE.format(link="captures_id") if since else "",
    )
    yield from _first("capture", query, since)


def reversals(since: datetime | None = None) -> Iterator[Finding]:
    """Yields the first broken reversal. A reversal must be the opposite of a completed payment, and
    the sum of the reversals of a payment must not exceed its amount.
    """
    query = REVERSALS.format(since=SINCE.format(link="reverses_id") if since else "")
    yield from _first("reversal", query, since)


def orphans(since: datetime | None = None) -> Iterator[Finding]:
    """Yields the first transaction whose paying account does not exist, or has another currency
    than the transaction. Then does the same for the receiving account.
    """
    for side in ("from_account", "to_account"):
        account = Account.objects.filter(pk=OuterRef(side), currency=OuterRef("currency"))
        rows = Transaction.objects.only("amount", "currency", f"{side}_id")
        rows = rows.filter(~Exists(account), **{f"{side}__isnull": False})
        if since is not None:
            rows = rows.filter(created_at__gte=since)
        for row in rows.annotate(broken=Window(Count("*"))).order_by("pk")[:1]:
            account_id = getattr(row, f"{side}_id")
            yield Finding(
                "orphan",
                str(account_id),
                str(row.pk),
                f"an account in {row.currency}",
                "none",
                row.broken,
                sentence=_orphan_sentence(row, account_id, side),
            )


def _orphan_sentence(row: Transaction, account_id: UUID, side: str) -> str:
    account = named(account_id)
    way = "out of" if side == "from_account" else "into"
    moved = f"Transaction {row.pk} moves {amount_text(row.amount, row.currency)} {way} {account}"
    return f"{moved}, which is kept in {account.currency}." if account.currency else f"{moved}."


def _first(check: str, query: str, since: datetime | None) -> Iterator[Finding]:
    """Yields one finding, about the first row that the query returns. Yields nothing if the query
    returns no rows.
    """
    with connection.cursor() as cursor:
        cursor.execute(query, {"since": since})
        row = cursor.fetchone()
    if row is None:
        return
    broken = BrokenLink(*row)
    facts = broken._asdict() | {
        "account": named(broken.account),
        "state": STATUS_WORDS.get(broken.status or "", broken.status),
        "amount_text": amount_text(broken.amount, broken.currency),
        "most_text": amount_text(broken.most, broken.currency),
    }
    expected, found, sentence = (words.format(**facts) for words in WORDS[broken.wrong])
    account = str(broken.account) if broken.account else None
    yield Finding(check, account, str(broken.id), expected, found, broken.many, sentence=sentence)
