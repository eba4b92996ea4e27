"""Calculates the digest of a statement. docs/statements.md also describes the digest.

Note [Digest of a statement]: the digest is the SHA-256 of a JSON array. The array contains the
values of the statement, the digest of the seal that covers its period, and the digest of its
entries. The digest of the entries is the SHA-256 of the digests of the single entries, oldest
first. The digest of an entry includes only what the account holder can see. A seal also includes
the balance of the other side. If the digest of an entry did so too, a person with a statement of
one payment could try balances until the digest matches. Names are not included, because people can
change their names.
"""

import hashlib
import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection

from banking.statement_files.statement_digest import ENTRY_DIGEST

VERSION = 1

_TOTALS = f"""
    count(*), coalesce(sum(amount) FILTER (WHERE direction = 'credit'), 0),
    coalesce(sum(amount) FILTER (WHERE direction = 'debit'), 0),
    sha256(coalesce(string_agg({ENTRY_DIGEST}, ''::bytea ORDER BY created_at), ''::bytea)),
    coalesce(array_agg(DISTINCT counterparty_id)
        FILTER (WHERE counterparty_id IS NOT NULL), '{{}}')"""
_ENTRIES = "FROM entries WHERE account_id = %(account)s AND status = 'completed'"
PERIOD_TOTALS = f"""
    SELECT totals.* FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[])
        WITH ORDINALITY AS period (starts_at, ends_at, place),
    LATERAL (
        SELECT {_TOTALS} {_ENTRIES}
          AND created_at >= period.starts_at AND created_at < period.ends_at
    ) AS totals
    ORDER BY period.place"""  # noqa: S608 - constants
CHOSEN_TOTALS = f"SELECT {_TOTALS} {_ENTRIES} AND transaction_id = ANY (%(ids)s)"


class RowTotals(NamedTuple):
    """The totals of some entries: their number, their sums, the SHA-256 of their digests (oldest
    first), and the ids of the accounts on the other side.
    """

    rows: int
    money_in: Decimal
    money_out: Decimal
    digest: bytes
    others: frozenset[uuid.UUID]


class StatementFigures(NamedTuple):
    """The values of a statement that the digest includes. `number` is None for chosen entries.
    `seal` is the number and the digest of the seal, or None if no seal covers all entries.
    """

    account_number: str
    currency: str
    number: int | None
    starts_at: datetime | None
    ends_at: datetime | None
    opening: Decimal | None
    closing: Decimal | None
    seal: tuple[int, bytes] | None


def totals_of_periods(
    account: uuid.UUID, periods: Sequence[tuple[datetime, datetime]]
) -> list[RowTotals]:
    """Returns the totals of all entries in each period. Makes one query."""
    starts, ends = zip(*periods, strict=True)
    return _totals(PERIOD_TOTALS, {"account": account, "starts": list(starts), "ends": list(ends)})


def totals_of_period(account: uuid.UUID, starts_at: datetime, ends_at: datetime) -> RowTotals:
    """Returns the totals of all entries in a period. Makes one query."""
    return totals_of_periods(account, [(starts_at, ends_at)])[0]


def totals_of_rows(account: uuid.UUID, ids: Sequence[uuid.UUID]) -> RowTotals:
    """Returns the totals of the entries with these transaction ids. Makes one query."""
    return _totals(CHOSEN_TOTALS, {"account": account, "ids": list(ids)})[0]


def digest_of(figures: StatementFigures, totals: RowTotals) -> bytes:
    """Returns the SHA-256 digest of a statement. See Note [Digest of a statement]."""
    seal = figures.seal
    text = json.dumps(
        [
            "ledger statement",
            VERSION,
            figures.account_number,
            figures.currency,
            figures.number,
            _utc(figures.starts_at),
            _utc(figures.ends_at),
            _plain(figures.opening),
            _plain(totals.money_in),
            _plain(totals.money_out),
            _plain(figures.closing),
            totals.rows,
            seal[0] if seal else None,
            seal[1].hex() if seal else None,
            totals.digest.hex(),
        ],
        separators=(",", ":"),
    )
    return hashlib.sha256(text.encode()).digest()


def _totals(sql: str, values: dict[str, Any]) -> list[RowTotals]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [
            RowTotals(count, money_in, money_out, bytes(digest), frozenset(others))
            for count, money_in, money_out, digest, others in cursor.fetchall()
        ]


def _plain(amount: Decimal | None) -> str | None:
    """Returns the amount with four decimals, as the database stores amounts."""
    return None if amount is None else f"{amount:.4f}"


def _utc(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
