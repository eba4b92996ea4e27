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
from transactions.posting.drafts import Draft, Item, complete, prepare
from transactions.posting.locked_accounts import Books, lock, open_books
from transactions.posting.refusals import refusal_of

__all__ = ["Draft", "Item", "post", "post_one", "prepare", "release"]

NOBODY = InvalidDetails("Whoever books this is not a person of this bank.")


def post(items: Sequence[Item]) -> list[Transaction | LedgerError]:
    """Books the items in order, inside the caller's transaction; a verdict each, in order.

    A refused item changes nothing. The accounts stay locked until the caller commits.
    """
    books = open_books(items)
    posted = insert.find([item.id for item in items if item.id_given])
    strangers = _strangers(items)
    known = [item for item in items if item.created_by_id not in strangers]
    verdicts = iter(_post_stretches(known, books, posted))
    return [NOBODY if item.created_by_id in strangers else next(verdicts) for item in items]


def post_one(item: Item) -> Transaction | LedgerError:
    """`post` for a caller whose transaction has nothing else in it, in two statements.

    There is no savepoint: a refusal of the database itself escapes and ends the transaction.
    """
    books = open_books([item])
    try:
        sides = books.sides(item)
        check(item, sides, books)
        apply(item, sides, books)
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
    books = Books(lock([hold.from_account_id] if hold.from_account_id else []))
    row = insert.find([hold.pk])[hold.pk]
    if row.status == Transaction.Status.VOIDED:
        return row, False
    check_hold_is_pending(row, books)
    release_locked([row])
    row.status = Transaction.Status.VOIDED.value
    return row, True


def release_locked(holds: Sequence[Transaction]) -> None:
    """Voids holds that are known to be pending, on accounts that are locked."""
    insert.end_holds([hold.pk for hold in holds], Transaction.Status.VOIDED)


def _strangers(items: Sequence[Item]) -> set[uuid.UUID]:
    """Who is named as booking something and is no person of this bank. Asked once a batch:
    the foreign key would refuse such rows one by one."""
    named = {item.created_by_id for item in items if item.created_by_id is not None}
    if not named:
        return set()
    return named - set(User.objects.filter(pk__in=named).values_list("pk", flat=True))


def _post_stretches(
    items: Sequence[Item], books: Books, posted: dict[uuid.UUID, Transaction]
) -> list[Transaction | LedgerError]:
    """Most batches are one stretch. What links to a row of the batch itself is checked and
    written after that row is in the books, as it would be in a later chunk."""
    stretches = list(_stretches(items))
    if len(stretches) == 1:
        return _post_chunk(items, books, posted)
    verdicts: list[Transaction | LedgerError] = []
    for stretch in stretches:
        known = {item.id: posted[item.id] for item in stretch if item.id in posted}
        done = _post_chunk(stretch, open_books(stretch), known)
        posted.update((row.pk, row) for row in done if isinstance(row, Transaction))
        verdicts += done
    return verdicts


def _stretches(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
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
    items: Sequence[Item], books: Books, posted: dict[uuid.UUID, Transaction]
) -> list[Transaction | LedgerError]:
    """Full speed for a good batch, an exact verdict for each bad item.

    The books of each part are opened anew: the accounts are locked already, and what the
    savepoint took back, the books of the whole would still have.
    """
    try:
        with db_transaction.atomic():
            return _check_and_write(items, books, dict(posted))
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
    first = _post_chunk(items[:middle], open_books(items[:middle]), posted)
    done = {row.pk: row for row in first if isinstance(row, Transaction)}
    rest = items[middle:]
    return first + _post_chunk(rest, open_books(rest), {**posted, **done})


def _check_and_write(
    items: Sequence[Item], books: Books, posted: dict[uuid.UUID, Transaction]
) -> list[Transaction | LedgerError]:
    """Checks and writes go side by side, unless a check may have to ask the database itself."""
    verdicts: list[Transaction | LedgerError] = []
    good: Iterable[Item] = _good(items, books, posted, verdicts)
    if books.limited_by_day:
        good = list(good)
    insert.write(good, len(items))
    return verdicts


def _good(
    items: Sequence[Item],
    books: Books,
    posted: dict[uuid.UUID, Transaction],
    verdicts: list[Transaction | LedgerError],
) -> Iterator[Item]:
    """The items to be written, each placed in the books; a verdict for every item."""
    for item in items:
        try:
            complete(item)
            row = posted.get(item.id) if item.id_given else None
            if row is not None:
                verdicts.append(_repeated(item, row))
                continue
            sides = books.sides(item)
            check(item, sides, books)
        except LedgerError as refusal:
            verdicts.append(refusal)
            continue
        apply(item, sides, books)
        row = insert.as_transaction(item)
        if item.id_given:
            posted[item.id] = row
        verdicts.append(row)
        yield item


def _repeated(item: Item, row: Transaction) -> Transaction | LedgerError:
    """The verdict on an id that is in the books: the same row for the same content."""
    if item.same_content(row):
        return row
    return IdempotencyConflict(
        "This id has already been used for another transaction. Nothing was moved; "
        "send the new one under a new id."
    )
