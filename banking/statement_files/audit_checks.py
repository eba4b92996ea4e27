"""The audit check of statements. Each numbered account statement must match the booked entries."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db import connection

from banking.statement_files.statement_digest import ENTRY_DIGEST, statement_digest
from banking.statement_files.triggers import is_off
from ledger.db.local_settings import locally
from ledger.text.lines import counted
from transactions.audit.audit import register_check
from transactions.audit.checks.money import ONE_PASS
from transactions.audit.findings import Finding, NamedAccount, named

# Finds statements that do not continue the previous statement or have the wrong month, and accounts
# with entries before their first statement.
UNLINKED = f"""
SELECT account_id, number, count(*) OVER ()
FROM (SELECT *, lag(number) OVER chain AS number_before, lag(ends_at) OVER chain AS end_before,
             lag(closing) OVER chain AS closing_before
      FROM monthly_statements WINDOW chain AS (PARTITION BY account_id ORDER BY number)) AS linked
WHERE number <> coalesce(number_before, 0) + 1
   OR starts_at <> end_before
   OR opening <> coalesce(closing_before, 0)
   OR {is_off("starts_at", "month::timestamp")}
   OR {is_off("ends_at", "month + interval '1 month'")}
   OR number = 1 AND EXISTS (
       SELECT FROM entries AS entry WHERE entry.account_id = linked.account_id
       AND entry.status = 'completed' AND entry.created_at < linked.starts_at)
ORDER BY account_id, number LIMIT 1"""  # noqa: S608 - constants

# Note [Entries of statements]: entries and the start times of statements are sorted together, once
# for all accounts. So each entry belongs to the latest statement that began before the entry.
DIFFERING = f"""
WITH marked AS (
    SELECT account_id, created_at, direction, amount, digest,
           max(begins) OVER (PARTITION BY account_id ORDER BY created_at, begins IS NULL) AS number
    FROM (SELECT account_id, created_at, direction, amount, {ENTRY_DIGEST} AS digest,
                 NULL::integer AS begins
          FROM entries WHERE status = 'completed' AND account_id IS NOT NULL
            AND created_at >= %(since)s
            AND created_at < (SELECT max(ends_at) FROM monthly_statements)
          UNION ALL
          SELECT account_id, starts_at, NULL, NULL, NULL, number
          FROM monthly_statements WHERE starts_at >= %(since)s) AS side_by_side
), books AS (
    SELECT account_id, number, count(*) AS entries,
           coalesce(sum(amount) FILTER (WHERE direction = 'credit'), 0) AS money_in,
           coalesce(sum(amount) FILTER (WHERE direction = 'debit'), 0) AS money_out,
           sha256(string_agg(marked.digest, ''::bytea ORDER BY created_at)) AS digest
    FROM marked JOIN monthly_statements USING (account_id, number)
    WHERE marked.digest IS NOT NULL AND created_at < ends_at
    GROUP BY account_id, number
)
SELECT statement.account_id, statement.number, count(*) OVER (),
       statement.entry_count, statement.money_in, statement.money_out,
       coalesce(books.entries, 0), coalesce(books.money_in, 0), coalesce(books.money_out, 0)
FROM monthly_statements AS statement
JOIN accounts AS account ON account.id = statement.account_id
LEFT JOIN seals AS seal ON seal.number = statement.seal_id
LEFT JOIN books
    ON books.account_id = statement.account_id AND books.number = statement.number
WHERE statement.starts_at >= %(since)s AND (
    statement.entry_count <> coalesce(books.entries, 0)
    OR statement.money_in <> coalesce(books.money_in, 0)
    OR statement.money_out <> coalesce(books.money_out, 0)
    OR statement.closing <> statement.opening + statement.money_in - statement.money_out
    OR statement.digest <> {statement_digest("coalesce(books.digest, sha256(''::bytea))")}
)
ORDER BY statement.account_id, statement.number LIMIT 1"""  # noqa: S608 - constants


class PeriodFigures(NamedTuple):
    """The number of entries in a period, and their sums."""

    entries: int
    money_in: Decimal
    money_out: Decimal

    def __str__(self) -> str:
        return f"{self.entries} entries, {self.money_in} in, {self.money_out} out"

    def in_words(self, account: NamedAccount) -> str:
        entries = self.entries or 0  # None is possible if the column has lost its NOT NULL
        count = counted(entries, "entry", "entries")
        return f"{count}, {account.money(self.money_in)} in, {account.money(self.money_out)} out"


@register_check
def statements(since: datetime | None = None) -> Iterator[Finding]:
    """Checks the numbered statements against the entries in their periods. Yields at most one
    finding, about the first statement whose sums, number of entries or digest do not match. Also
    yields the finding of `_unlinked`.

    If `since` is set, compares only the statements that begin at this time or later.
    """
    with locally(**({} if since else ONE_PASS)), connection.cursor() as cursor:
        cursor.execute(DIFFERING, {"since": since or "-infinity"})
        found = cursor.fetchone()
    if found is not None:
        account, number, broken, *figures = found
        stored, books = PeriodFigures(*figures[:3]), PeriodFigures(*figures[3:])
        yield Finding(
            "statement",
            str(account),
            None,
            f"statement {number} with {books}",
            f"{stored}" if stored != books else "another digest, or a sum that does not add up",
            broken,
            sentence=_differing_sentence(named(account), number, stored, books),
        )
    yield from _unlinked()


def _unlinked() -> Iterator[Finding]:
    """Yields at most one finding, about the first statement that is wrong in one of three ways: it
    does not continue the previous statement, it has the wrong month, or it is the first statement
    of an account and begins after an entry.
    """
    with connection.cursor() as cursor:
        cursor.execute(UNLINKED)
        found = cursor.fetchone()
    if found is not None:
        account, number, broken = found
        yield Finding(
            "statement",
            str(account),
            None,
            f"statement {number} of its month, where the one before it ends",
            "another number, month, period or opening balance",
            broken,
            sentence=f"{named(account).at_start}: statement {number} does not continue the one "
            "before it, or has the wrong month: its number, its month, its period or its opening "
            "balance differs.",
        )


def _differing_sentence(
    account: NamedAccount, number: int, stored: PeriodFigures, books: PeriodFigures
) -> str:
    if stored == books:
        return (
            f"{account.at_start}: statement {number} or an entry of its period was changed: its "
            "digest or its closing balance does not match."
        )
    return (
        f"{account.at_start}: statement {number} has {stored.in_words(account)}, but the books "
        f"have {books.in_words(account)} in its period."
    )
