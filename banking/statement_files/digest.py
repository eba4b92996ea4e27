"""The content of the digest of a statement; docs/statements.md describes it too.

Note [Digest of a statement]: the digest is SHA-256 over a JSON array of the statement's values, the
digest of the seal that covers its period, and the digest of its rows. The digest of the rows is
SHA-256 over the digests of the entries, oldest first. An entry's digest covers only what its holder
sees. If it contained the balance of the other side, like the digests of seals, somebody with a
statement of one payment could try balances until the digest matches. Names are not part of the
digest, because people change their names.
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
    """The number and sums of an account's rows, the SHA-256 of their digests, oldest first, and the
    accounts on their other sides.
    """

    rows: int
    money_in: Decimal
    money_out: Decimal
    digest: bytes
    others: frozenset[uuid.UUID]


class StatementFigures(NamedTuple):
    """The values of a statement that its digest covers. `number` is None for a choice of rows.
    `seal` (its number and digest) is None if no seal covers all rows.
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
    """Returns the totals of all rows of each period. One query."""
    starts, ends = zip(*periods, strict=True)
    return _totals(PERIOD_TOTALS, {"account": account, "starts": list(starts), "ends": list(ends)})


def totals_of_period(account: uuid.UUID, starts_at: datetime, ends_at: datetime) -> RowTotals:
    """Returns the totals of all rows of a period."""
    return totals_of_periods(account, [(starts_at, ends_at)])[0]


def totals_of_rows(account: uuid.UUID, ids: Sequence[uuid.UUID]) -> RowTotals:
    """Returns the totals of these rows."""
    return _totals(CHOSEN_TOTALS, {"account": account, "ids": list(ids)})[0]


def digest_of(figures: StatementFigures, totals: RowTotals) -> bytes:
    """Returns the digest of a statement, see Note [Digest of a statement]."""
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
    """Returns the amount with four decimals, as the database stores it."""
    return None if amount is None else f"{amount:.4f}"


def _utc(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
