"""Finds the events on a user's accounts since a position. A position stores which events a reader
has already received. `/api/v1/events` uses this module.

Note [News from the books]: the events are computed from the rows of the ledger, not from the
outbox. Within one account, booking times strictly increase, because they are assigned while the
account is locked. So the earlier of two rows always commits first. A position contains, for each
account, the booking time of the last row that the reader has received. Therefore a reader who
stores the position never misses a row. Readers do not subscribe, and a GET request writes nothing.
One booking time for all accounts together would not be enough, because rows of different accounts
may commit in any order.

The release of a hold does not add a row. So a position also contains the held amount of each
account: if the held amount decreased and the new rows do not explain the decrease, a hold was
released. A position also contains the status of each account, so that a change of the status is
found.
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

MAX_ACCOUNTS = 150  # so that a position fits into an HTTP header
MAX_ROWS = 100
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
    """An error for a text that is not a valid position."""


@dataclass(frozen=True, slots=True)
class ReadUpTo:
    """The state of an account after the last event that a reader received. `at` is the booking time
    of the account's last row, or None if the account has no rows. `held` is in minor units.
    """

    at: datetime | None
    held: int
    status: str

    @classmethod
    def of(cls, account: Account) -> Self:
        """Returns the current state of the account. Sends no query."""
        return cls(account.last_entry_at, _minor(account.held, account), account.status)


def _read_up_to(part: "re.Match[str]") -> ReadUpTo:
    """Parses the part of a position that is about one account. Raises OverflowError if the time is
    out of range.
    """
    at = None if part[2] == "n" else EPOCH + int(part[2]) * MICROSECOND
    return ReadUpTo(at, int(part[3]), STATUS_OF[part[4]])


@dataclass(frozen=True, slots=True)
class NewsPosition:
    """The last event that a reader received on each of several accounts. `accounts` maps the last
    12 hex digits of an account's id to the state of that account. `str()` returns the position as
    text for an HTTP header.
    """

    accounts: dict[str, ReadUpTo]

    @classmethod
    def now(cls, accounts: Iterable[Account]) -> Self:
        """Returns the position after all events that have happened on these accounts. Sends no
        query.
        """
        open_ones = [account for account in accounts if account.status != Account.Status.CLOSED]
        return cls({_end(each.pk): ReadUpTo.of(each) for each in open_ones[:MAX_ACCOUNTS]})

    @classmethod
    def read(cls, text: str) -> Self:
        """Parses the text of a position, which `str()` returned. Raises UnreadablePosition if the
        text is not a valid position.
        """
        version, *parts = text.split("~")
        found = [READABLE.fullmatch(part) for part in parts]
        if version != VERSION or len(parts) > MAX_ACCOUNTS or not all(found):
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
    """An event on an account, and the position after the event.

    `at` is the booking time. A release of a hold and a change of the account's status have no
    booking time, so `at` is the time when this module noticed the event.
    """

    kind: str
    account: UUID
    transaction: UUID | None
    at: datetime
    position: str


@dataclass(frozen=True, slots=True)
class News:
    """The new events, oldest first within each account, and the position after the last event.
    `is_cut` is true if there are more events.
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
            return EventKind.HELD  # also if the hold has ended in the meantime
        if self.captures:
            return EventKind.CAPTURED
        return EventKind.REVERSED if self.reverses else EventKind.POSTED

    @property
    def held(self) -> Decimal:
        """The change of the account's held amount by this row. The change is negative for a
        capture.
        """
        if not self.sends:
            return Decimal(0)
        if self.status != Transaction.Status.COMPLETED:
            return self.amount
        return -(self.hold_amount or Decimal(0))


def news_of(accounts: Sequence[Account], position: NewsPosition) -> News:
    """Returns the events on a person's accounts since the position. `accounts` are all accounts of
    the person, oldest first, including closed accounts. Sends one query, or no query if there are
    no new rows.

    Ignores rows that were booked after `accounts` was loaded. The next call returns the events of
    these rows.
    """
    reported = _reported(accounts, position)
    known = {_end(each.pk): position.accounts.get(_end(each.pk)) for each in reported}
    items: list[NewsItem] = []
    # In the order of the accounts, so that the text of the same state is always the same.
    reached = {end: it for end, it in known.items() if it is not None}

    def add(kind: EventKind, account: Account, at: datetime, row: UUID | None = None) -> None:
        items.append(NewsItem(kind, account.pk, row, at, str(NewsPosition(dict(reached)))))

    for account in reported:
        if known[_end(account.pk)] is None:
            reached[_end(account.pk)] = ReadUpTo(None, 0, "active")
            add(EventKind.OPENED, account, account.created_at)
    by_id = {each.pk: each for each in reported}
    rows, is_cut = _rows(reported, reached)
    for row in rows:
        account, end = by_id[row.account], _end(row.account)
        held = max(0, reached[end].held + _minor(row.held, account))
        reached[end] = replace(reached[end], at=row.at, held=held)
        add(row.kind, account, row.at, row.id)
    for account in reported:
        end = _end(account.pk)
        if is_cut and reached[end].at != account.last_entry_at:
            continue
        before, now = reached[end], ReadUpTo.of(account)
        reached[end] = replace(now, status=before.status)
        if now.held < before.held:
            add(EventKind.VOIDED, account, timezone.now())
        reached[end] = now
        if now.status != before.status:
            add(KIND_OF[now.status], account, timezone.now())
    rest = {end: it for end, it in reached.items() if is_cut or it.status != Account.Status.CLOSED}
    return News(items, str(NewsPosition(rest)), is_cut)


def _reported(accounts: Sequence[Account], position: NewsPosition) -> list[Account]:
    """Returns the open accounts. Also returns the closed accounts that are in the position."""
    found = [
        each for each in accounts
        if each.status != Account.Status.CLOSED or _end(each.pk) in position.accounts
    ]  # fmt: skip
    return found[:MAX_ACCOUNTS]


def _rows(accounts: Sequence[Account], reached: dict[str, ReadUpTo]) -> tuple[list[_NewRow], bool]:
    """Returns the rows of the accounts that were booked after `reached`, oldest first. The second
    value is true if there are more such rows.
    """
    behind = [each for each in accounts if _is_behind(each, reached[_end(each.pk)])]
    if not behind:
        return [], False
    parameters: dict[str, Any] = {
        "accounts": [each.pk for each in behind],
        "since": [reached[_end(each.pk)].at for each in behind],
        "until": [each.last_entry_at for each in behind],
        "most": MAX_ROWS + 1,
    }
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, parameters)
        rows = [_NewRow(*values) for values in cursor.fetchall()]
    return rows[:MAX_ROWS], len(rows) > MAX_ROWS


def _is_behind(account: Account, reached: ReadUpTo) -> bool:
    latest = account.last_entry_at
    return latest is not None and (reached.at is None or reached.at < latest)


def _minor(amount: Decimal, account: Account) -> int:
    return int(amount.scaleb(account.minor_units))


def _end(pk: UUID) -> str:
    return pk.hex[-12:]
