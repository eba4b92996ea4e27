"""What happened on somebody's accounts since a position: the source of `/api/v1/events`.

Note [News from the books]: it is read from the books themselves, not from the outbox. Booking times
strictly rise within each account, and are given out while the account is locked; so of two rows of
an account, the earlier one commits first. A reader that knows how far it has read each account
therefore misses nothing, at any age, and nobody has to listen beforehand: no booking costs more,
and a GET writes nothing. One position for all accounts together could miss rows, because
those of two accounts commit in any order.

A hold that is released changes no row that has a place in that order. So a position also has what
was held, and compares: what the new rows do not explain was released. The status of an account is
compared as well.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Self
from uuid import UUID

from django.db import connection
from django.utils import timezone

from accounts.models import Account
from ledger.text.dates import MICROSECOND
from transactions.models import EventKind, Transaction

MOST_ACCOUNTS_TOLD = 150  # so that a position fits into a header
MOST_ROWS = 100
VERSION = "1"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
READABLE = re.compile(r"([0-9a-f]{12})\.(-?\d{1,17}|n)\.(\d{1,19})\.([afc])", re.ASCII)
STATUS_OF = {status.value[0]: status.value for status in Account.Status}
KIND_OF = {
    "frozen": EventKind.FROZEN, "active": EventKind.UNFROZEN, "closed": EventKind.CLOSED,
}  # fmt: skip

_ROWS = """
    SELECT mine.id, row.id, row.created_at, row.status, row.captures_id IS NOT NULL,
           row.reverses_id IS NOT NULL, row.amount, row.sends, hold.amount
    FROM unnest(%(accounts)s::uuid[], %(since)s::timestamptz[], %(until)s::timestamptz[])
         AS mine (id, since, until)
    CROSS JOIN LATERAL (
        (SELECT id, created_at, status, captures_id, reverses_id, amount, true AS sends
         FROM transactions WHERE from_account_id = mine.id
         AND created_at > coalesce(mine.since, '-infinity') AND created_at <= mine.until
         ORDER BY created_at LIMIT %(most)s)
        UNION ALL
        (SELECT id, created_at, status, captures_id, reverses_id, amount, false
         FROM transactions WHERE to_account_id = mine.id
         AND created_at > coalesce(mine.since, '-infinity') AND created_at <= mine.until
         ORDER BY created_at LIMIT %(most)s)
        ORDER BY created_at LIMIT %(most)s
    ) AS row
    LEFT JOIN transactions AS hold ON hold.id = row.captures_id
    ORDER BY row.created_at, mine.id LIMIT %(most)s
"""


class UnreadablePosition(ValueError):
    """A text is no position of ours."""


@dataclass(frozen=True, slots=True)
class ReadUpTo:
    """How far an account was read: its last row, what was held then, in minor units, and its
    status.
    """

    at: datetime | None
    held: int
    status: str

    @classmethod
    def of(cls, account: Account) -> Self:
        """All that there is now. No query."""
        return cls(account.last_entry_at, _minor(account.held, account), account.status)


def _read_up_to(part: "re.Match[str]") -> ReadUpTo:
    """What `str` made of one account. Raises OverflowError for a time that cannot be."""
    at = None if part[2] == "n" else EPOCH + int(part[2]) * MICROSECOND
    return ReadUpTo(at, int(part[3]), STATUS_OF[part[4]])


@dataclass(frozen=True, slots=True)
class NewsPosition:
    """How far each account was read, by the end of its id. As a text, for a header."""

    accounts: dict[str, ReadUpTo]

    @classmethod
    def now(cls, accounts: Iterable[Account]) -> Self:
        """After all that there is on these accounts. No query."""
        open_ones = [account for account in accounts if account.status != Account.Status.CLOSED]
        return cls({_end(each.pk): ReadUpTo.of(each) for each in open_ones[:MOST_ACCOUNTS_TOLD]})

    @classmethod
    def read(cls, text: str) -> Self:
        """What `str` made. Raises UnreadablePosition."""
        version, *parts = text.split("~")
        found = [READABLE.fullmatch(part) for part in parts]
        if version != VERSION or len(parts) > MOST_ACCOUNTS_TOLD or not all(found):
            raise UnreadablePosition
        try:
            return cls({each[1]: _read_up_to(each) for each in found if each})
        except OverflowError:
            raise UnreadablePosition from None

    def __str__(self) -> str:
        parts = [
            f"{end}.{'n' if it.at is None else (it.at - EPOCH) // MICROSECOND}"
            f".{it.held}.{it.status[0]}"
            for end, it in self.accounts.items()
        ]
        return "~".join([VERSION, *parts])


@dataclass(frozen=True, slots=True)
class NewsItem:
    """One event on one account, and the position after it.

    `at`: as the books say; of a release and a new status, when it was noticed.
    """

    kind: str
    account: UUID
    transaction: UUID | None
    at: datetime
    position: str


@dataclass(frozen=True, slots=True)
class News:
    """What is new, in the order of each account; the position after it, and whether there is more
    already.
    """

    items: list[NewsItem]
    position: str
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class _NewRow:
    account: UUID
    id: UUID
    at: datetime
    status: str
    captures: bool
    reverses: bool
    amount: Decimal
    sends: bool
    hold_amount: Decimal | None

    @property
    def kind(self) -> EventKind:
        if self.status != Transaction.Status.COMPLETED:
            return EventKind.HELD  # also if it ended meanwhile
        if self.captures:
            return EventKind.CAPTURED
        return EventKind.REVERSED if self.reverses else EventKind.POSTED

    @property
    def held(self) -> Decimal:
        """How much more is held by it; less than zero for a capture."""
        if not self.sends:
            return Decimal(0)
        if self.status != Transaction.Status.COMPLETED:
            return self.amount
        return -(self.hold_amount or Decimal(0))


def news_of(accounts: Sequence[Account], position: NewsPosition) -> News:
    """What happened on these accounts of one person since the position. One query, or none where
    nothing did. `accounts` were read before, oldest first, also closed ones.

    The rows are those up to `last_entry_at`, which was read with `held`: what commits meanwhile is
    told the next time.
    """
    told = _told(accounts, position)
    known = {_end(each.pk): position.accounts.get(_end(each.pk)) for each in told}
    items: list[NewsItem] = []
    # In the order of the accounts, so that the same state is always the same text.
    reached = {end: it for end, it in known.items() if it is not None}

    def tell(kind: EventKind, account: Account, at: datetime, row: UUID | None = None) -> None:
        items.append(NewsItem(kind, account.pk, row, at, str(NewsPosition(dict(reached)))))

    for account in told:
        if known[_end(account.pk)] is None:
            reached[_end(account.pk)] = ReadUpTo(None, 0, "active")
            tell(EventKind.OPENED, account, account.created_at)
    by_id = {each.pk: each for each in told}
    rows, is_cut = _rows(told, reached)
    for row in rows:
        account, end = by_id[row.account], _end(row.account)
        held = max(0, reached[end].held + _minor(row.held, account))
        reached[end] = replace(reached[end], at=row.at, held=held)
        tell(row.kind, account, row.at, row.id)
    for account in told:
        end = _end(account.pk)
        if is_cut and reached[end].at != account.last_entry_at:
            continue
        before, now = reached[end], ReadUpTo.of(account)
        reached[end] = replace(now, status=before.status)
        if now.held < before.held:
            tell(EventKind.VOIDED, account, timezone.now())
        reached[end] = now
        if now.status != before.status:
            tell(KIND_OF[now.status], account, timezone.now())
    rest = {end: it for end, it in reached.items() if is_cut or it.status != Account.Status.CLOSED}
    return News(items, str(NewsPosition(rest)), is_cut)


def _told(accounts: Sequence[Account], position: NewsPosition) -> list[Account]:
    """The accounts that are told of: open, or open when they were told of last."""
    found = [
        each for each in accounts
        if each.status != Account.Status.CLOSED or _end(each.pk) in position.accounts
    ]  # fmt: skip
    return found[:MOST_ACCOUNTS_TOLD]


def _rows(accounts: Sequence[Account], reached: dict[str, ReadUpTo]) -> tuple[list[_NewRow], bool]:
    """The next rows of the accounts, oldest first, and whether there are more."""
    behind = [each for each in accounts if _is_behind(each, reached[_end(each.pk)])]
    if not behind:
        return [], False
    parameters: dict[str, Any] = {
        "accounts": [each.pk for each in behind],
        "since": [reached[_end(each.pk)].at for each in behind],
        "until": [each.last_entry_at for each in behind],
        "most": MOST_ROWS + 1,
    }
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, parameters)
        rows = [_NewRow(*values) for values in cursor.fetchall()]
    return rows[:MOST_ROWS], len(rows) > MOST_ROWS


def _is_behind(account: Account, reached: ReadUpTo) -> bool:
    latest = account.last_entry_at
    return latest is not None and (reached.at is None or reached.at < latest)


def _minor(amount: Decimal, account: Account) -> int:
    return int(amount.scaleb(account.minor_units))


def _end(pk: UUID) -> str:
    return pk.hex[-12:]
