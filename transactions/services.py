"""Every way to move money. Each call is one database transaction of its own.

A service never runs inside somebody else's transaction (`durable=True`): when it returns,
the money has moved and is safe; when it raises, nothing has. Two exceptions say so themselves:
`OutcomeUnknown` after a connection lost during COMMIT, and a batch that need not stand or fall
together, whose earlier chunks stay booked when the database fails in a later one.
"""

import gc
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any, TypedDict, TypeVar, Unpack

from django.db import DataError, IntegrityError
from django.db import transaction as db_transaction
from django.utils import timezone

from accounts.models import Account, User
from ledger.db.retry import run_with_retry
from transactions import posting
from transactions.books import Books, lock
from transactions.drafts import DESCRIPTION_LIMIT, Draft, Item, outline, prepare
from transactions.exceptions import (
    AccountNotFound,
    AlreadyReversed,
    HoldNotPending,
    LedgerError,
)
from transactions.models import Transaction
from transactions.refusals import refusal_of

__all__ = [
    "Details",
    "Draft",
    "LedgerError",
    "book",
    "capture",
    "deposit",
    "expire_holds",
    "hold",
    "post_batch",
    "post_parts",
    "preview",
    "preview_parts",
    "reverse",
    "transfer",
    "void",
    "withdraw",
]

CHUNK = 10_000  # drafts a transaction where a batch need not stand or fall together
Result = TypeVar("Result")
AccountOrId = Account | uuid.UUID | str
Part = Sequence[Draft]
Record = Callable[[Part, list[Transaction | LedgerError]], None]


class Details(TypedDict, total=False):
    """What may be said of any movement of money.

    `id` is the idempotency key: sent again with the same content it returns the first row and
    moves nothing. `value_date` is the day from which it counts (default: the booking day).
    `metadata` is a JSON object of at most 16 KiB.
    """

    id: uuid.UUID | str | None
    description: str
    reference: str
    metadata: Mapping[str, Any] | None
    value_date: date | None
    created_by: User | uuid.UUID | None


def transfer(
    *,
    from_account: AccountOrId,
    to_account: AccountOrId,
    amount: Decimal,
    **details: Unpack[Details],
) -> Transaction:
    """Moves `amount` between two accounts of one currency.

    Raises the LedgerError that refuses it; its text says what to do, and nothing has moved.
    """
    sender, recipient = _named(from_account), _named(to_account)
    return book(Draft(from_account=sender, to_account=recipient, amount=amount, **details))


def deposit(*, to_account: AccountOrId, amount: Decimal, **details: Unpack[Details]) -> Transaction:
    """Books money that came into the bank. Refuses as `transfer` does."""
    return book(Draft(to_account=_named(to_account), amount=amount, **details))


def withdraw(
    *, from_account: AccountOrId, amount: Decimal, **details: Unpack[Details]
) -> Transaction:
    """Books money that left the bank. Refuses as `transfer` does."""
    return book(Draft(from_account=_named(from_account), amount=amount, **details))


def hold(
    *,
    from_account: AccountOrId,
    amount: Decimal,
    to_account: AccountOrId | None = None,
    expires_at: datetime | None = None,
    **details: Unpack[Details],
) -> Transaction:
    """Reserves `amount`, so that nothing else can spend it until it is captured or voided.

    `expires_at` is the time from which `expire_holds` may release it: ExpiryPassed where that is
    over. Refuses as `transfer` does.
    """
    sides = {"from_account": _named(from_account), "to_account": to_account}
    return book(Draft(amount=amount, pending=True, expires_at=expires_at, **sides, **details))  # type: ignore[arg-type]


def capture(
    *, hold: Transaction | uuid.UUID, amount: Decimal | None = None, **details: Unpack[Details]
) -> Transaction:
    """Completes a hold, whole or in part; what is left of it is released.

    The row that moves the money bears the hold's description, reference and metadata unless
    others are given. HoldNotPending for a hold that ended, InvalidAmount above the hold.
    """
    held = _row(hold, HoldNotPending("There is no hold with that id."))
    said: dict[str, Any] = {
        "description": held.description,
        "reference": held.reference,
        "metadata": held.metadata,
        **details,
    }
    return book(
        Draft(
            from_account=held.from_account_id,
            to_account=held.to_account_id,
            amount=held.amount if amount is None else amount,
            captures=held,
            **said,
        )
    )


def void(
    *, hold: Transaction | uuid.UUID, beside: Callable[[Transaction], object] | None = None
) -> Transaction:
    """Releases a hold: the money is available again. A voided hold comes back as it is.

    `beside` as for `book`.
    """
    held = _row(hold, HoldNotPending("There is no hold with that id."))

    def work() -> Transaction:
        row = posting.release(held)
        if beside is not None:
            beside(row)
        return row

    return _run(work)


def reverse(
    *,
    transaction: Transaction | uuid.UUID,
    amount: Decimal | None = None,
    **details: Unpack[Details],
) -> Transaction:
    """Posts the opposite of a booked transaction, whole or a part of it.

    Together the reversals of a transaction never exceed it: AlreadyReversed. A reversal itself
    is not reversed. Whoever received the money must have it: InsufficientFunds.
    """
    original = _row(transaction, AlreadyReversed("There is no transaction with that id."))
    said: dict[str, Any] = {
        "description": f"Reversal: {original.description}"[:DESCRIPTION_LIMIT],
        **details,
    }
    return book(
        Draft(
            from_account=original.to_account_id,
            to_account=original.from_account_id,
            amount=original.amount if amount is None else amount,
            reverses=original,
            **said,
        )
    )


def expire_holds(*, now: datetime | None = None) -> int:
    """Voids every pending hold whose time is over; how many. Safe side by side and twice.

    Accounts that somebody else has locked are left for the next run (SKIP LOCKED).
    """
    moment = now or timezone.now()
    expired = Transaction.objects.pending().filter(expires_at__lte=moment)
    accounts = expired.values_list("from_account", flat=True).distinct()
    return sum(_run(partial(_expire, account, moment)) for account in list(accounts))


def _expire(account_id: uuid.UUID, moment: datetime) -> int:
    """The expired holds of one account, in a transaction of its own."""
    books = Books(lock([account_id], skip_locked=True))
    if not books.accounts:
        return 0
    holds = list(
        Transaction.objects.pending().filter(from_account=account_id, expires_at__lte=moment)
    )
    if holds:
        posting.release_locked(holds)
    return len(holds)


def _row(row: Transaction | uuid.UUID, missing: LedgerError) -> Transaction:
    """The row as it is in the books; what never changes of it may be relied on."""
    try:
        pk = row.pk if isinstance(row, Transaction) else uuid.UUID(str(row))
    except ValueError:
        raise missing from None
    found = Transaction.objects.filter(pk=pk).first()
    if found is None:
        raise missing
    stored: Transaction = found
    return stored


def post_batch(
    drafts: Sequence[Draft], *, atomic: bool = True
) -> list[Transaction] | list[Transaction | LedgerError]:
    """Books many drafts, in order, each seeing the ones before it.

    With `atomic`, all or nothing: the rows, or the first refusal is raised and nothing has
    moved. Without, a result per draft: the Transaction, or the LedgerError that refused it;
    such a batch is booked in chunks, so that locks are short. Where the database fails in one
    of them, the error escapes and the chunks before stay booked: drafts with ids can be sent
    again whole, and nothing is booked twice.
    """
    if atomic:
        with _no_search_for_cycles():
            items = [_outlined(draft) for draft in drafts]
            return _run(lambda: _all_or_first_refusal(items), items)
    results: list[Transaction | LedgerError] = []
    for start in range(0, len(drafts), CHUNK):
        with _no_search_for_cycles():
            chunk = [_outlined(draft) for draft in drafts[start : start + CHUNK]]
            results += _run(partial(_post_good, chunk), chunk)
    return results


@contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """A batch makes many small objects, none of them in a circle, that all live to its end:
    looking for circles among them again and again took a quarter of its time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def post_parts(parts: Callable[[], Iterable[Part]], record: Record) -> None:
    """Books drafts that come in parts, all in one transaction, with one part in memory.

    `record` gets each part with its verdicts and writes them down in the same transaction, so
    that what it wrote is there exactly if the money moved; a LedgerError it raises undoes all.
    `parts` is asked anew when a lost race is run again, and says what is left to book then. Where
    it gives several parts, it first locks the accounts of all of them, see Note [Lock ordering].
    """
    _run(partial(_post_all, parts, record))


def preview_parts(parts: Callable[[], Iterable[Part]], record: Record) -> None:
    """`post_parts`, rolled back at its end: the verdicts that booking would give now.

    What `record` writes to the database is rolled back too.
    """

    def rolled_back() -> None:
        _post_all(parts, record)
        db_transaction.set_rollback(True)

    _run(rolled_back)


def _post_all(parts: Callable[[], Iterable[Part]], record: Record) -> None:
    for part in parts():
        verdicts = _post_good([_outlined(draft) for draft in part])
        for verdict in verdicts:
            if isinstance(verdict, LedgerError):
                verdict.__traceback__ = None  # its frames would keep the whole part in memory
        record(part, verdicts)


def preview(draft: Draft) -> Transaction:
    """The row a draft would become now, or the LedgerError raised: posted and rolled back."""
    item = prepare(draft)

    def rolled_back() -> Transaction | LedgerError:
        verdict = posting.post_one(item)
        db_transaction.set_rollback(True)
        return verdict

    return _row_of(_run(rolled_back))


def book(draft: Draft, *, beside: Callable[[Transaction], object] | None = None) -> Transaction:
    """Books one draft, whatever its type. `transfer`, `deposit` and `withdraw` read better.

    `beside` writes what belongs to the row, in the same transaction: both are there or
    neither. It may be called again with the same row, when the same id is sent again.
    """
    item = prepare(draft)

    def work() -> Transaction | LedgerError:
        verdict = posting.post_one(item)
        if beside is not None and isinstance(verdict, Transaction):
            beside(verdict)
        return verdict

    return _row_of(_run(work, [item]))


def _row_of(verdict: Transaction | LedgerError) -> Transaction:
    if isinstance(verdict, LedgerError):
        raise verdict
    return verdict


def _all_or_first_refusal(items: Sequence[Item | LedgerError]) -> list[Transaction]:
    return [_row_of(verdict) for verdict in _post_good(items)]


def _post_good(items: Sequence[Item | LedgerError]) -> list[Transaction | LedgerError]:
    """Posts the items that name accounts; a verdict for each, in order."""
    verdicts = iter(posting.post([item for item in items if isinstance(item, Item)]))
    return [next(verdicts) if isinstance(item, Item) else item for item in items]


def _outlined(draft: Draft) -> Item | LedgerError:
    try:
        return outline(draft)
    except LedgerError as refusal:
        return refusal


def _named(account: AccountOrId | None) -> AccountOrId:
    if account is None:
        raise AccountNotFound("Say which account; None is the world outside the bank.")
    return account


def _run(work: Callable[[], Result], items: Iterable[Item | LedgerError] = ()) -> Result:
    """Runs `work` in one transaction; what failed without a trace is tried again, refusals are
    translated.

    Where a connection went during COMMIT, the ids of the items may be in the books: the second
    run looks each of them up, as if its sender had given it. The translation stands outside the
    transaction: inside, it has failed already.
    """

    def attempt() -> Result:
        with db_transaction.atomic(durable=True):
            return work()

    def look_up_ids() -> None:
        for item in items:
            if isinstance(item, Item):
                item.id_given = True

    try:
        return run_with_retry(attempt, find_out_first=look_up_ids)
    except (IntegrityError, DataError) as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        raise refusal from error
