"""The one door for money: `post` alone changes a balance, for one draft or fifty thousand.

Lock every account of the batch in one ordered query; check each item in Python on the locked
values; write accounts and rows; where the database refuses all the same, split the batch until
the guilty item stands alone. The caller (`transactions.services`) owns the transaction.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db import DataError, IntegrityError
from django.db import transaction as db_transaction
from django.db.models import Sum
from django.utils import timezone

from accounts.currencies import LARGEST_AMOUNT, fits, minor_units, plain
from accounts.models import Account, User
from transactions import rows
from transactions.drafts import Draft, Item, prepare
from transactions.exceptions import (
    AccountNotActive,
    AccountNotFound,
    CurrencyMismatch,
    IdempotencyConflict,
    InsufficientFunds,
    InvalidAmount,
    InvalidDetails,
    LedgerError,
    LimitExceeded,
)
from transactions.models import Transaction
from transactions.refusals import refusal_of

__all__ = ["Draft", "Item", "post", "prepare"]

NOBODY = InvalidDetails("Whoever books this is not a person of this bank.")
TICK = timedelta(microseconds=1)


@dataclass(slots=True)
class Locked:
    """An account as read under the lock, moving along as the batch is checked."""

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
            out = Transaction.objects.filter(
                from_account=self.id,
                status__in=["completed", "pending"],
                created_at__gte=start,
            ).aggregate(total=Sum("amount"))["total"]
            self.sent[day] = out or Decimal(0)
        return self.sent[day]


def post(items: Sequence[Item]) -> list[Transaction | LedgerError]:
    """Books the items in order, inside the caller's transaction; a verdict each, in order.

    A refused item changes nothing. The accounts stay locked until the caller commits.
    """
    accounts = lock(side for item in items for side in item.account_ids)
    posted = rows.find([item.id for item in items if item.id_given])
    strangers = _strangers(items)
    known = [item for item in items if item.created_by_id not in strangers]
    verdicts = iter(_post_chunk(known, accounts, posted) if known else [])
    return [NOBODY if item.created_by_id in strangers else next(verdicts) for item in items]


def _strangers(items: Sequence[Item]) -> set[uuid.UUID]:
    """Who is named as booking something and is no person of this bank. Asked once a batch:
    the foreign key would refuse such rows one by one."""
    named = {item.created_by_id for item in items if item.created_by_id is not None}
    if not named:
        return set()
    return named - set(User.objects.filter(pk__in=named).values_list("pk", flat=True))


def post_one(item: Item) -> Transaction | LedgerError:
    """`post` for a caller whose transaction has nothing else in it, in three statements.

    There is no savepoint: a refusal of the database itself escapes and ends the transaction.
    """
    accounts = lock(item.account_ids)
    try:
        _check(item, accounts)
        _book(item, accounts)
        rows.write([item], accounts.values())
    except (LedgerError, rows.IdTaken) as refusal:
        # The id comes before any refusal: what was booked once is the answer for ever.
        row = rows.find([item.id]).get(item.id) if item.id_given else None
        if row is not None:
            return _repeated(item, row)
        if isinstance(refusal, LedgerError):
            return refusal
        raise
    return rows.as_transaction(item)


def lock(ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Locked]:
    """The accounts by id, locked in order of id (see Note [Lock ordering])."""
    columns = [name for name in Locked.__slots__ if name != "sent"]
    query = Account.objects.locked(set(ids)).values_list(*columns)
    return {row[0]: Locked(*row) for row in query}


def _post_chunk(
    items: Sequence[Item],
    accounts: dict[uuid.UUID, Locked],
    posted: dict[uuid.UUID, Transaction],
) -> list[Transaction | LedgerError]:
    """Full speed for a good batch, an exact verdict for each bad item."""
    touched = {id for item in items for id in item.account_ids if id in accounts}
    before = {id: replace(accounts[id], sent=dict(accounts[id].sent)) for id in touched}
    try:
        with db_transaction.atomic():
            return _check_and_write(items, accounts, dict(posted))
    except (IntegrityError, DataError, rows.IdTaken) as error:
        refusal = refusal_of(error) if not isinstance(error, rows.IdTaken) else None
        if refusal is None and not isinstance(error, rows.IdTaken):
            raise
    accounts.update(before)
    if len(items) == 1:
        row = rows.find([items[0].id]).get(items[0].id)
        if row is not None:
            return [_repeated(items[0], row)]
        return [refusal or IdempotencyConflict("This id has just been used; look it up.")]
    middle = len(items) // 2
    first = _post_chunk(items[:middle], accounts, posted)
    done = {row.pk: row for row in first if isinstance(row, Transaction)}
    return first + _post_chunk(items[middle:], accounts, {**posted, **done})


def _check_and_write(
    items: Sequence[Item],
    accounts: dict[uuid.UUID, Locked],
    posted: dict[uuid.UUID, Transaction],
) -> list[Transaction | LedgerError]:
    verdicts: list[Transaction | LedgerError] = []
    good: list[Item] = []
    for item in items:
        row = posted.get(item.id) if item.id_given else None
        if row is not None:
            verdicts.append(_repeated(item, row))
            continue
        try:
            _check(item, accounts)
        except LedgerError as refusal:
            verdicts.append(refusal)
            continue
        _book(item, accounts)
        good.append(item)
        row = rows.as_transaction(item)
        if item.id_given:
            posted[item.id] = row
        verdicts.append(row)
    if good:
        touched = {side for item in good for side in item.account_ids}
        rows.write(good, [accounts[id] for id in touched])
    return verdicts


def _repeated(item: Item, row: Transaction) -> Transaction | LedgerError:
    """The verdict on an id that is in the books: the same row for the same content."""
    if item.same_content(row):
        return row
    return IdempotencyConflict(
        "This id has already been used for another transaction. Nothing was moved; "
        "send the new one under a new id."
    )


def _check(item: Item, accounts: dict[uuid.UUID, Locked]) -> None:
    """Raises the first refusal of an item, decided on locked values alone."""
    sides = [accounts.get(id) for id in item.account_ids]
    if None in sides:
        raise AccountNotFound("There is no account with that id.")
    first = accounts[item.account_ids[0]]
    if any(side.currency != first.currency for side in sides if side):
        other = accounts[item.account_ids[1]]
        raise CurrencyMismatch(
            f"{first.name} is in {first.currency}, the recipient's account in {other.currency}. "
            "Money moves between accounts of one currency."
        )
    if not fits(item.amount, first.currency):
        raise InvalidAmount(
            f"{item.amount:f} has too many decimals: {first.currency} has "
            f"{minor_units(first.currency) or 'none'}."
        )
    if item.from_id is not None:
        _check_sender(item, accounts[item.from_id])
    if item.to_id is not None:
        _check_recipient(item, accounts[item.to_id])


def _check_sender(item: Item, sender: Locked) -> None:
    if sender.status == Account.Status.FROZEN:
        raise AccountNotActive(f"{sender.name} is frozen: money may come in, none may go out.")
    if sender.status != Account.Status.ACTIVE:
        raise AccountNotActive(f"{sender.name} is closed; choose another account.")
    amount = plain(item.amount, sender.currency)
    if sender.transfer_limit is not None and item.amount > sender.transfer_limit:
        raise LimitExceeded(
            f"{amount} is above the limit of {plain(sender.transfer_limit, sender.currency)} "
            f"for one payment from {sender.name}."
        )
    if sender.daily_limit is not None:
        left = sender.daily_limit - sender.sent_on(timezone.localdate(_moment(item, sender)))
        if item.amount > left:
            raise LimitExceeded(
                f"{sender.name} may send {plain(max(left, Decimal(0)), sender.currency)} more "
                f"on this day; {amount} is above that."
            )
    if item.amount > sender.available:
        short = plain(item.amount - sender.available, sender.currency)
        raise InsufficientFunds(
            f"{sender.name} has {plain(sender.available, sender.currency)} available; "
            f"{amount} is too much by {short}."
        )


def _check_recipient(item: Item, recipient: Locked) -> None:
    if recipient.status == Account.Status.CLOSED:
        raise AccountNotActive(
            f"Account {recipient.number} is closed and takes no money; ask for another number."
        )
    if recipient.balance + recipient.overdraft_limit + item.amount > LARGEST_AMOUNT:
        raise InvalidAmount(
            f"Account {recipient.number} would hold more than {LARGEST_AMOUNT:,f}, which no "
            "account can; send less."
        )


def _moment(item: Item, *sides: Locked) -> datetime:
    """The booking time: now (or the history's own), and after every entry of both accounts."""
    moment = item.created_at or timezone.now()
    for side in sides:
        if side.last_entry_at is not None and side.last_entry_at >= moment:
            moment = side.last_entry_at + TICK
    return moment


def _book(item: Item, accounts: dict[uuid.UUID, Locked]) -> None:
    """Moves the running balances and writes the item's own place in both chains."""
    sides = [accounts[id] for id in item.account_ids]
    item.currency = sides[0].currency
    item.booked_at = _moment(item, *sides)
    item.booked_value_date = item.value_date or timezone.localdate(item.booked_at)
    if item.from_id is not None:
        sender = accounts[item.from_id]
        sender.balance -= item.amount
        item.from_balance = sender.balance
        if sender.daily_limit is not None:
            day = timezone.localdate(item.booked_at)
            sender.sent[day] = sender.sent_on(day) + item.amount
    if item.to_id is not None:
        recipient = accounts[item.to_id]
        recipient.balance += item.amount
        item.to_balance = recipient.balance
    for side in sides:
        side.last_entry_at = item.booked_at
