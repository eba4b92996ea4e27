"""The one door for money: whatever changes a balance or a hold goes through here.

Lock every account of the batch in one ordered query; check each item in Python on the locked
values; write the rows, which move the accounts; where the database refuses all the same, split
the batch until the guilty item stands alone. The caller (`transactions.services`) owns the
transaction.
"""

import uuid
from collections.abc import Iterable, Iterator, Sequence

from django.db import DataError, IntegrityError
from django.db import transaction as db_transaction

from accounts.models import User
from transactions.exceptions import IdempotencyConflict, InvalidDetails, LedgerError
from transactions.models import Transaction
from transactions.posting import insert
from transactions.posting.checks import apply, check, check_hold_is_pending
from transactions.posting.drafts import Draft, PreparedDraft, complete, prepare
from transactions.posting.locked_accounts import LockedAccounts, lock, lock_accounts_of
from transactions.posting.refusals import refusal_of

__all__ = ["Draft", "PreparedDraft", "post", "post_one", "prepare", "release"]

UNKNOWN_PERSON = InvalidDetails("Whoever books this is not a person of this bank.")


def post(items: Sequence[PreparedDraft]) -> list[Transaction | LedgerError]:
    """Books the items in order, inside the caller's transaction; a verdict each, in order.

    A refused item changes nothing. The accounts stay locked until the caller commits.
    """
    locked = lock_accounts_of(items)
    posted = insert.find([item.id for item in items if item.id_given])
    strangers = _strangers(items)
    known = [item for item in items if item.created_by_id not in strangers]
    verdicts = iter(_post_stretches(known, locked, posted))
    return [UNKNOWN_PERSON if item.created_by_id in strangers else next(verdicts) for item in items]


def post_one(item: PreparedDraft) -> Transaction | LedgerError:
    """`post` for a caller whose transaction has nothing else in it, in two statements.

    There is no savepoint: a refusal of the database itself escapes and ends the transaction.
    """
    locked = lock_accounts_of([item])
    try:
        sides = locked.sides(item)
        check(item, sides, locked)
        apply(item, sides, locked)
        insert.write([item], 1)
    except (LedgerError, insert.IdTaken) as refusal:
        # The id comes before any refusal: what was booked once is the answer for ever.
        row = insert.find([item.id]).get(item.id) if item.id_given else None
        if row is not None:
            return _repeated(item, row)
        if isinstance(refusal, LedgerError):
            return refusal
        raise
    return insert.as_transaction(item)


def release(hold: Transaction) -> tuple[Transaction, bool]:
    """Voids a pending hold: what it reserved is available again. With whether it did so now.

    A hold that was voided before comes back as it is; HoldNotPending for any other row. Of
    `hold` only what never changes is used; its status is read again under the lock.
    """
    locked = LockedAccounts(lock([hold.from_account_id] if hold.from_account_id else []))
    row = insert.find([hold.pk])[hold.pk]
    if row.status == Transaction.Status.VOIDED:
        return row, False
    check_hold_is_pending(row, locked)
    release_locked([row])
    row.status = Transaction.Status.VOIDED.value
    return row, True


def release_locked(holds: Sequence[Transaction]) -> None:
    """Voids holds that are known to be pending, on accounts that are locked."""
    insert.end_holds([hold.pk for hold in holds], Transaction.Status.VOIDED)


def _strangers(items: Sequence[PreparedDraft]) -> set[uuid.UUID]:
    """Who is named as booking something and is no person of this bank. Asked once a batch:
    the foreign key would refuse such rows one by one."""
    named = {item.created_by_id for item in items if item.created_by_id is not None}
    if not named:
        return set()
    return named - set(User.objects.filter(pk__in=named).values_list("pk", flat=True))


def _post_stretches(
    items: Sequence[PreparedDraft], locked: LockedAccounts, posted: dict[uuid.UUID, Transaction]
) -> list[Transaction | LedgerError]:
    """Most batches are one stretch. What links to a row of the batch itself is checked and
    written after that row is in the books, as it would be in a later chunk."""
    stretches = list(_stretches(items))
    if len(stretches) == 1:
        return _post_chunk(items, locked, posted)
    verdicts: list[Transaction | LedgerError] = []
    for stretch in stretches:
        known = {item.id: posted[item.id] for item in stretch if item.id in posted}
        done = _post_chunk(stretch, lock_accounts_of(stretch), known)
        posted.update((row.pk, row) for row in done if isinstance(row, Transaction))
        verdicts += done
    return verdicts


def _stretches(items: Sequence[PreparedDraft]) -> Iterator[Sequence[PreparedDraft]]:
    """The items in order, cut before each that links to one of its own stretch."""
    if not any(item.is_correction for item in items):
        if items:
            yield items
        return
    start, seen = 0, set[uuid.UUID]()
    for place, item in enumerate(items):
        if item.links_to_one_of(seen):
            yield items[start:place]
            start, seen = place, set()
        seen.add(item.id)
    yield items[start:]


def _post_chunk(
    items: Sequence[PreparedDraft], locked: LockedAccounts, posted: dict[uuid.UUID, Transaction]
) -> list[Transaction | LedgerError]:
    """Full speed for a good batch, an exact verdict for each bad item.

    The books of each part are opened anew: the accounts are locked already, and what the
    savepoint took back, the books of the whole would still have.
    """
    try:
        with db_transaction.atomic():
            return _check_and_write(items, locked, dict(posted))
    except (IntegrityError, DataError, insert.IdTaken) as error:
        refusal = refusal_of(error) if not isinstance(error, insert.IdTaken) else None
        if refusal is None and not isinstance(error, insert.IdTaken):
            raise
    if len(items) == 1:
        row = insert.find([items[0].id]).get(items[0].id)
        if row is not None:
            return [_repeated(items[0], row)]
        return [refusal or IdempotencyConflict("This id has just been used; look it up.")]
    middle = len(items) // 2
    first = _post_chunk(items[:middle], lock_accounts_of(items[:middle]), posted)
    done = {row.pk: row for row in first if isinstance(row, Transaction)}
    rest = items[middle:]
    return first + _post_chunk(rest, lock_accounts_of(rest), {**posted, **done})


def _check_and_write(
    items: Sequence[PreparedDraft], locked: LockedAccounts, posted: dict[uuid.UUID, Transaction]
) -> list[Transaction | LedgerError]:
    """Checks and writes go side by side, unless a check may have to ask the database itself."""
    verdicts: list[Transaction | LedgerError] = []
    good: Iterable[PreparedDraft] = _good(items, locked, posted, verdicts)
    if locked.limited_by_day:
        good = list(good)
    insert.write(good, len(items))
    return verdicts


def _good(
    items: Sequence[PreparedDraft],
    locked: LockedAccounts,
    posted: dict[uuid.UUID, Transaction],
    verdicts: list[Transaction | LedgerError],
) -> Iterator[PreparedDraft]:
    """The items to be written, each placed in the books; a verdict for every item."""
    for item in items:
        try:
            complete(item)
            row = posted.get(item.id) if item.id_given else None
            if row is not None:
                verdicts.append(_repeated(item, row))
                continue
            sides = locked.sides(item)
            check(item, sides, locked)
        except LedgerError as refusal:
            verdicts.append(refusal)
            continue
        apply(item, sides, locked)
        row = insert.as_transaction(item)
        if item.id_given:
            posted[item.id] = row
        verdicts.append(row)
        yield item


def _repeated(item: PreparedDraft, row: Transaction) -> Transaction | LedgerError:
    """The verdict on an id that is in the books: the same row for the same content."""
    if item.same_content(row):
        return row
    return IdempotencyConflict(
        "This id has already been used for another transaction. Nothing was moved; "
        "send the new one under a new id."
    )
