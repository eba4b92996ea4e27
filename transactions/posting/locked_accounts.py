"""The books as read under the lock, moving along while a batch is checked."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from accounts.exceptions import AccountNotFound
from accounts.models import Account
from transactions.models import Transaction
from transactions.posting import insert
from transactions.posting.drafts import PreparedDraft

TICK = timedelta(microseconds=1)


@dataclass(slots=True)
class LockedAccount:
    """An account as read under the lock."""

    id: uuid.UUID
    name: str
    number: str
    currency: str
    status: str
    balance: Decimal
    held: Decimal
    overdraft_limit: Decimal
    transfer_limit: Decimal | None
    daily_limit: Decimal | None
    last_entry_at: datetime | None
    sent: dict[date, Decimal] = field(default_factory=dict)

    @property
    def available(self) -> Decimal:
        return self.balance + self.overdraft_limit - self.held

    def sent_on(self, day: date) -> Decimal:
        """What has gone out, or is held to go out, since a day began: booking times only rise,
        so nothing later is there. Read once, only where limited."""
        if day not in self.sent:
            start = timezone.make_aware(datetime.combine(day, datetime.min.time()))
            counted = Transaction.objects.counted_against_limit(self.id, start)
            self.sent[day] = counted.aggregate(total=Sum("amount"))["total"] or Decimal(0)
        return self.sent[day]


COLUMNS = [name for name in LockedAccount.__slots__ if name != "sent"]


class Sides(NamedTuple):
    """The accounts of one item, as the books have them now."""

    sender: LockedAccount | None
    recipient: LockedAccount | None

    @property
    def currency(self) -> str:
        """That of the sender, or of the recipient where money comes in."""
        side = self.sender or self.recipient
        return side.currency if side else ""


@dataclass(slots=True)
class BankDay:
    """A day of the bank's time zone, and the moments that it has."""

    date: date
    start: datetime
    end: datetime


@dataclass(slots=True)
class LockedAccounts:
    """What a batch touches: its accounts, locked, and the rows that its items link to.

    `ended` are the holds captured so far in the batch, `reversed` what has been reversed of
    each original, both of the books and of the batch.
    """

    accounts: dict[uuid.UUID, LockedAccount]
    linked: dict[uuid.UUID, Transaction] = field(default_factory=dict)
    reversed: dict[uuid.UUID, Decimal] = field(default_factory=dict)
    ended: set[uuid.UUID] = field(default_factory=set)
    day: BankDay | None = None

    def sides(self, item: PreparedDraft) -> Sides:
        """The accounts that an item moves; AccountNotFound where there is none."""
        sender = self.accounts.get(item.from_id) if item.from_id else None
        recipient = self.accounts.get(item.to_id) if item.to_id else None
        if (item.from_id and sender is None) or (item.to_id and recipient is None):
            raise AccountNotFound("There is no account with that id.")
        return Sides(sender, recipient)

    def day_of(self, moment: datetime) -> date:
        """The day that a moment belongs to. Most moments of a batch are of the day before."""
        if self.day is None or not self.day.start <= moment < self.day.end:
            day = timezone.localdate(moment)
            midnights = [datetime.combine(day + timedelta(n), datetime.min.time()) for n in (0, 1)]
            # In UTC, as the moments are: to compare across zones takes ten times as long.
            start, end = (timezone.make_aware(each).astimezone(UTC) for each in midnights)
            self.day = BankDay(day, start, end)
        return self.day.date

    @property
    def limited_by_day(self) -> bool:
        """Whether a check may have to ask what an account has sent on a day."""
        return any(account.daily_limit is not None for account in self.accounts.values())


def booking_time(item: PreparedDraft, sides: Sides) -> datetime:
    """The booking time: now (or the history's own), after every entry of the accounts."""
    moment = item.created_at or now()
    for side in sides:
        if side and side.last_entry_at and side.last_entry_at >= moment:
            moment = side.last_entry_at + TICK
    return moment


def now() -> datetime:
    """`timezone.now()`, without asking the settings whether times have zones."""
    return datetime.now(UTC)


def lock_accounts_of(items: Sequence[PreparedDraft]) -> LockedAccounts:
    """Locks the accounts of the items in order of id (see Note [Lock ordering]), then reads
    what the items link to: with the accounts locked, a hold cannot end under our hands."""
    locked = LockedAccounts(lock(id for item in items for id in item.account_ids))
    linked = [id for item in items for id in (item.captures_id, item.reverses_id) if id]
    if linked:
        locked.linked = insert.find(linked)
        locked.reversed = insert.reversed_sums([item.reverses_id for item in items])
    return locked


def lock(ids: Iterable[uuid.UUID], *, skip_locked: bool = False) -> dict[uuid.UUID, LockedAccount]:
    """The accounts by id, locked in order of id; `skip_locked` leaves out those of others."""
    with connection.cursor() as cursor:
        cursor.execute(_lock_sql(skip_locked), [list(set(ids))])
        return {row[0]: LockedAccount(*row) for row in cursor.fetchall()}


@cache
def _lock_sql(skip_locked: bool) -> str:
    """The SQL of `Account.objects.locked`. Compiling it anew for every payment would take a
    fifth of the payment's time."""
    query = Account.objects.locked([], skip_locked=skip_locked).values_list(*COLUMNS).query
    sql: str = query.sql_with_params()[0]
    return sql
