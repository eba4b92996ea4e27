"""What the digest of a statement covers; docs/statements.md describes it too.

Note [Digest of a statement]: the digest is SHA-256 over a JSON array of the statement's figures,
the digest of the seal that covers its period, and the digest of its rows. That one is SHA-256 over
the digests of the entries, oldest first. An entry's digest covers only what its holder sees: with
the balance of the other side in it, as in the digests of seals, whoever holds a statement of one
payment could try balances until the digest is right. Names are not part of it, because people
change theirs.
"""

import hashlib
import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection

from transactions.audit.digest import utc

VERSION = 1

_ENTRY = f"""json_build_array(
    transaction_id, direction, amount, balance, currency, type, description, reference,
    counterparty_id, captures_id, reverses_id, {utc("created_at")},
    to_char(value_date, 'YYYY-MM-DD'))::text"""
_TOTALS = f"""
    SELECT count(*), coalesce(sum(amount) FILTER (WHERE direction = 'credit'), 0),
        coalesce(sum(amount) FILTER (WHERE direction = 'debit'), 0),
        sha256(coalesce(string_agg(
            sha256(convert_to({_ENTRY}, 'UTF8')), ''::bytea ORDER BY created_at), ''::bytea))
    FROM entries WHERE account_id = %(account)s AND status = 'completed'"""  # noqa: S608 - constants
PERIOD_TOTALS = f"{_TOTALS} AND created_at >= %(starts_at)s AND created_at < %(ends_at)s"
CHOSEN_TOTALS = f"{_TOTALS} AND transaction_id = ANY (%(ids)s)"


class RowTotals(NamedTuple):
    """Number and sums of an account's rows, and the SHA-256 of their digests, oldest first."""

    rows: int
    money_in: Decimal
    money_out: Decimal
    digest: bytes


class StatementFigures(NamedTuple):
    """What is digested of a statement. `number` is None for a choice of rows, and so is the seal
    (its number and digest) where none covers all of them.
    """

    account_number: str
    currency: str
    number: int | None
    starts_at: datetime | None
    ends_at: datetime | None
    opening: Decimal | None
    closing: Decimal | None
    seal: tuple[int, bytes] | None


def totals_of_period(account: uuid.UUID, starts_at: datetime, ends_at: datetime) -> RowTotals:
    """Of all rows of a period."""
    return _totals(PERIOD_TOTALS, {"account": account, "starts_at": starts_at, "ends_at": ends_at})


def totals_of_rows(account: uuid.UUID, ids: Sequence[uuid.UUID]) -> RowTotals:
    """Of these rows."""
    return _totals(CHOSEN_TOTALS, {"account": account, "ids": list(ids)})


def digest_of(figures: StatementFigures, totals: RowTotals) -> bytes:
    """The digest of a statement, see Note [Digest of a statement]."""
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


def _totals(sql: str, values: dict[str, Any]) -> RowTotals:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        count, money_in, money_out, digest = cursor.fetchone()
    return RowTotals(count, money_in, money_out, bytes(digest))


def _plain(amount: Decimal | None) -> str | None:
    """With four decimals, as the database stores it."""
    return None if amount is None else f"{amount:.4f}"


def _utc(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
