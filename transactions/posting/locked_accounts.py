"""The locked accounts of a batch, whose balances are updated while the drafts are checked."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from django.db import connection
from django.db.models import Max, Sum
from django.utils import timezone

from accounts import current_access
from accounts.exceptions import AccountNotFound
from accounts.models import Account
from ledger.text.dates import end_of_day, start_of_day
from transactions.models import Transaction, TransactionQuerySet
from transactions.posting import blocked_accounts, insert
from transactions.posting.drafts import PreparedDraft

TICK = timedelta(microseconds=1)


class SentBefore(NamedTuple):
    """The amount that an account has sent or reserved on `day`, until the booking time `until`."""

    day: date
    until: datetime
    total: Decimal


@dataclass(slots=True)
class LockedAccount:
    """The values of an account at the time of the lock. For a preview, the values are read without
    a lock.

    `checks.apply` updates the balance, the held amount and the sent amounts in this object after
    each accepted draft. So the next draft is checked against the new values.
    """

    id: uuid.UUID
    name: str
    number: str
    currency: str
    minor_units: int
    status: str
    balance: Decimal
    held: Decimal
    overdraft_limit: Decimal
    transfer_limit: Decimal | None
    daily_limit: Decimal | None
    last_entry_at: datetime | None
    sent: dict[date, Decimal] = field(default_factory=dict)
    sent_before: SentBefore | None = None

    @property
    def available(self) -> Decimal:
        return self.balance + self.overdraft_limit - self.held

    def sent_on(self, day: date) -> Decimal:
        """Returns the amount that the account has sent or reserved since the start of the day. The
        first call for a day sends a query, so call this method only for an account with a daily
        limit.

        The account has no rows after this day, because booking times strictly increase. If
        `sent_before` contains the sum of the earlier rows of this day, the query reads only the
        newer rows. A hold that is voided after `sent_before` was computed still counts.
        """
        if day not in self.sent:
            before = self.sent_before
            counted = Transaction.objects.counted_against_limit(self.id, start_of_day(day))
            if before is not None and before.day == day:
                counted = counted.filter(created_at__gt=before.until)
                self.sent[day] = before.total + _sum_of(counted)
            else:
                self.sent[day] = _sum_of(counted)
        return self.sent[day]


COLUMNS = [name for name in LockedAccount.__slots__ if not name.startswith("sent")]


class Sides(NamedTuple):
    """The locked accounts of the sender and the recipient of a draft. None means that this side is
    outside the bank.
    """

    sender: LockedAccount | None
    recipient: LockedAccount | None

    @property
    def currency(self) -> str:
        """The currency of the sender, or of the recipient for a deposit."""
        side = self.sender or self.recipient
        return side.currency if side else ""

    @property
    def minor_units(self) -> int:
        """The number of decimals of `currency`."""
        side = self.sender or self.recipient
        return side.minor_units if side else 0


@dataclass(slots=True)
class BankDay:
    """A day in the bank's time zone: its first moment, and the first moment of the next day."""

    date: date
    start: datetime
    end: datetime


@dataclass(slots=True)
class LockedAccounts:
    """The locked accounts of a batch, and the rows that the drafts of the batch capture or reverse.

    `ended` contains the ids of holds that earlier drafts of the batch capture. `reversed` maps the
    ids of transactions to the sums of their reversals. The sums include the reversals by earlier
    drafts of the batch.
    """

    accounts: dict[uuid.UUID, LockedAccount]
    linked: dict[uuid.UUID, Transaction] = field(default_factory=dict)
    reversed: dict[uuid.UUID, Decimal] = field(default_factory=dict)
    ended: set[uuid.UUID] = field(default_factory=set)
    day: BankDay | None = None
    sent_before: dict[uuid.UUID, SentBefore] = field(default_factory=dict)

    def sides(self, item: PreparedDraft) -> Sides:
        """Returns the locked accounts of a draft. Raises AccountNotFound for an account that does
        not exist.
        """
        sender = self.accounts.get(item.from_id) if item.from_id else None
        recipient = self.accounts.get(item.to_id) if item.to_id else None
        if (item.from_id and sender is None) or (item.to_id and recipient is None):
            raise AccountNotFound("There is no account with that id.")
        return Sides(sender, recipient)

    def day_of(self, moment: datetime) -> date:
        """Returns the day of a moment in the bank's time zone. Caches the last day, because most
        drafts are booked on the same day.
        """
        if self.day is None or not self.day.start <= moment < self.day.end:
            day = timezone.localdate(moment)
            # In UTC like the moments. Comparing times of different time zones takes ten times as
            # long.
            start, end = (each(day).astimezone(UTC) for each in (start_of_day, end_of_day))
            self.day = BankDay(day, start, end)
        return self.day.date

    @property
    def limited_by_day(self) -> bool:
        """Whether at least one account has a daily limit."""
        return any(account.daily_limit is not None for account in self.accounts.values())


def booking_time(item: PreparedDraft, sides: Sides) -> datetime:
    """Returns the draft's `created_at`, or else the current time. If one of the accounts has a
    later entry, returns the time of the last entry plus one microsecond.
    """
    moment = item.created_at or now()
    for side in sides:
        if side and side.last_entry_at and side.last_entry_at >= moment:
            moment = side.last_entry_at + TICK
    return moment


def now() -> datetime:
    """Returns the same time as `timezone.now()`, but faster, because it does not read a setting."""
    return datetime.now(UTC)


def lock_accounts_of(
    items: Sequence[PreparedDraft],
    sent_before: dict[uuid.UUID, SentBefore] | None = None,
    *,
    is_single: bool = False,
) -> LockedAccounts:
    """Locks the accounts of the drafts in order of id (Note [Lock ordering]). Then reads the rows
    that the drafts capture or reverse. No hold can end while its account is locked.

    Before the lock, computes the sums that accounts with a daily limit have sent today (Note [Sums
    before locks]). If the transaction has already locked the accounts, the caller must pass the
    sums as `sent_before`.
    """
    if sent_before is None:
        sent_before = _sent_before(
            {item.from_id for item in items if item.from_id and not item.is_correction}
        )
    locked = LockedAccounts(
        lock((id for item in items for id in item.account_ids), is_single=is_single)
    )
    locked.sent_before = sent_before
    for id, before in sent_before.items():
        if id in locked.accounts:
            locked.accounts[id].sent_before = before
    add_links(locked, items)
    return locked


def _sent_before(senders: set[uuid.UUID]) -> dict[uuid.UUID, SentBefore]:
    """Returns the amounts that these accounts have sent today. Locks nothing. Leaves out accounts
    without a daily limit, and accounts that have sent nothing.
    """
    if not senders:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_limited_sql(), [list(senders)])
        limited = [id for (id,) in cursor.fetchall()]
    today = timezone.localdate()
    begins = start_of_day(today)
    found = {}
    for id in limited:
        counted = Transaction.objects.counted_against_limit(id, begins)
        sums = counted.aggregate(total=Sum("amount"), until=Max("created_at"))
        if sums["until"] is not None:
            found[id] = SentBefore(today, sums["until"], sums["total"])
    return found


def _sum_of(rows: TransactionQuerySet) -> Decimal:
    return rows.aggregate(total=Sum("amount"))["total"] or Decimal(0)


def add_links(locked: LockedAccounts, items: Sequence[PreparedDraft]) -> None:
    """Reads the rows that the drafts capture or reverse, and the sums of their reversals, into
    `locked`.
    """
    linked = [id for item in items for id in (item.captures_id, item.reverses_id) if id]
    if linked:
        locked.linked = insert.find(linked)
        locked.reversed = insert.reversed_sums([item.reverses_id for item in items])


def lock(
    ids: Iterable[uuid.UUID], *, skip_locked: bool = False, is_single: bool = False
) -> dict[uuid.UUID, LockedAccount]:
    """Locks the accounts in order of id, and returns the accounts by id. With `skip_locked`, leaves
    out accounts that another session has locked. `is_single` is true if the accounts belong to a
    single payment. In this case, the query does not wait for a lock if one of the accounts had a
    lock timeout a short time ago: see Note [Blocked accounts]. Raises AccessEnded if the current
    user's access has ended.
    """
    accounts = list(set(ids))
    nowait = is_single and blocked_accounts.has_one_of(accounts)
    with connection.cursor() as cursor:
        cursor.execute(_lock_sql(skip_locked, nowait), [accounts])
        found = {row[0]: LockedAccount(*row) for row in cursor.fetchall()}
    current_access.refuse_if_ended()
    return found


def read(ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, LockedAccount]:
    """Returns the current accounts by id, without a lock. Use this function only for previews,
    because previews write nothing.
    """
    rows = Account.objects.filter(pk__in=set(ids)).values_list(*COLUMNS)
    return {row[0]: LockedAccount(*row) for row in rows}


@cache
def _limited_sql() -> str:
    """Returns the SQL of `Account.objects.with_daily_limit`, which is cached as in `_lock_sql`."""
    query = Account.objects.with_daily_limit([]).values_list("pk").query
    sql: str = query.sql_with_params()[0]
    return sql


@cache
def _lock_sql(skip_locked: bool, nowait: bool) -> str:
    """Returns the SQL of `Account.objects.locked`. Compiling the SQL again for every payment took a
    fifth of the payment's time, so the SQL is cached.
    """
    accounts = Account.objects.locked([], skip_locked=skip_locked, nowait=nowait)
    sql: str = accounts.values_list(*COLUMNS).query.sql_with_params()[0]
    return sql
