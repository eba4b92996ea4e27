"""Posts drafts and releases holds, step by step.

One ordered query locks all accounts of the batch. Python then checks each draft against the locked
accounts. Finally the rows are written, and database triggers change the balances. If the database
refuses a row, the batch is divided into halves until the refused draft is found.

The caller opens the database transaction with `unit_of_work.run`. A plain payment is posted here
only if `single_statement` cannot post it.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence

from django.db import DataError, IntegrityError, OperationalError
from django.db import transaction as db_transaction
from psycopg.errors import SerializationFailure

from accounts.models import User
from ledger.db.rights.row_security import rows_are_secured
from transactions.exceptions import IdempotencyConflict, InvalidDetails, LedgerError
from transactions.models import Transaction
from transactions.posting import insert
from transactions.posting.checks import apply, check, check_hold_is_pending
from transactions.posting.drafts import Draft, PreparedDraft, complete, prepare
from transactions.posting.locked_accounts import (
    LockedAccount,
    LockedAccounts,
    add_links,
    lock,
    lock_accounts_of,
    read,
)
from transactions.posting.refusals import refusal_of

__all__ = ["Draft", "PreparedDraft", "post", "post_one", "prepare", "release"]

ID_USED = IdempotencyConflict(
    "This id has already been used for another transaction. Nothing was moved. "
    "Send the new transaction with a new id."
)
IDS_BOOKED = "Another transaction has booked ids of this list in the meantime."
UNKNOWN_PERSON = InvalidDetails("The person who books this is not a user of this bank.")


def post(items: Sequence[PreparedDraft]) -> list[Transaction | LedgerError]:
    """Posts the drafts in order, inside the caller's database transaction. Returns one result per
    draft: the posted row, or the LedgerError that refused the draft. A refused draft changes
    nothing.

    The accounts stay locked until the caller commits.
    """
    locked = lock_accounts_of(items)
    posted = insert.find([item.id for item in items if item.id_given])
    strangers = _strangers(items)
    known = [item for item in items if item.created_by_id not in strangers]
    results = iter(_post_stretches(known, locked, posted))
    return [UNKNOWN_PERSON if item.created_by_id in strangers else next(results) for item in items]


def preview(
    items: Sequence[PreparedDraft], senders: dict[uuid.UUID, LockedAccount]
) -> list[Transaction | LedgerError]:
    """Returns the results that posting the drafts would have now. Neither locks nor writes rows.

    `senders` maps the ids of sending accounts to their values after the earlier drafts of the same
    preview. This call adds the sending accounts of `items`.
    """
    ids = {id for item in items for id in item.account_ids}
    locked = LockedAccounts(read(ids) | {id: senders[id] for id in ids & senders.keys()})
    add_links(locked, items)
    results: list[Transaction | LedgerError] = []
    for _ in _good(
        items, locked, insert.find([item.id for item in items if item.id_given]), results
    ):
        pass
    sending = {item.from_id for item in items}
    senders.update((id, row) for id, row in locked.accounts.items() if id in sending)
    return results


def post_one(item: PreparedDraft) -> Transaction | LedgerError:
    """Posts a draft that is the only draft of its database transaction. Returns the row, or the
    LedgerError that refused the draft. A plain payment needs three SQL statements.

    Uses no savepoint, so after a database error the transaction can only be rolled back.
    """
    locked = lock_accounts_of([item], is_single=True)
    try:
        sides = locked.sides(item)
        check(item, sides, locked)
        apply(item, sides, locked)
        insert.write([item], 1)
    except (LedgerError, insert.IdTaken) as refusal:
        # The existing row with this id is the result, even if the draft was refused for another
        # reason.
        row = insert.find([item.id]).get(item.id) if item.id_given else None
        if row is not None:
            return _repeated(item, row)
        if isinstance(refusal, LedgerError):
            return refusal
        if item.id_given and rows_are_secured():
            return ID_USED  # a row with this id exists, but row policies hide it
        raise
    return insert.as_transaction(item)


def release(
    hold: Transaction, *, explain: Callable[[Transaction], object]
) -> tuple[Transaction, bool]:
    """Voids a pending hold. Returns the row of the hold, and whether this call has voided it. The
    second value is False if the hold was already voided.

    Before voiding the hold, calls `explain` with its row. `explain` must store the reason, because
    a database rule requires a reason. Raises HoldNotPending if the row is not a pending hold. The
    status is read after the account is locked.
    """
    locked = LockedAccounts(
        lock([hold.from_account_id] if hold.from_account_id else [], is_single=True)
    )
    row = insert.find([hold.pk])[hold.pk]
    if row.status == Transaction.Status.VOIDED:
        return row, False
    check_hold_is_pending(row, locked)
    explain(row)
    release_locked([row])
    row.status = Transaction.Status.VOIDED.value
    return row, True


def release_locked(holds: Sequence[Transaction]) -> None:
    """Voids pending holds. The caller must have locked their accounts."""
    insert.end_holds([hold.pk for hold in holds], Transaction.Status.VOIDED)


def _strangers(items: Sequence[PreparedDraft]) -> set[uuid.UUID]:
    """Returns the ids in `created_by_id` for which no user exists. Sends one query per batch.
    Without this check, the foreign key would refuse the rows one at a time.
    """
    named = {item.created_by_id for item in items if item.created_by_id is not None}
    if not named:
        return set()
    return named - set(User.objects.filter(pk__in=named).values_list("pk", flat=True))


def _post_stretches(
    items: Sequence[PreparedDraft], locked: LockedAccounts, posted: dict[uuid.UUID, Transaction]
) -> list[Transaction | LedgerError]:
    """Posts the drafts in groups. If a draft captures or reverses another draft of the batch, the
    other draft is in an earlier group, so that it is already written. Most batches are one group.
    """
    stretches = list(_stretches(items))
    if len(stretches) == 1:
        return _post_chunk(items, locked, posted)
    results: list[Transaction | LedgerError] = []
    for stretch in stretches:
        known = {item.id: posted[item.id] for item in stretch if item.id in posted}
        done = _post_chunk(stretch, lock_accounts_of(stretch, locked.sent_before), known)
        posted.update((row.pk, row) for row in done if isinstance(row, Transaction))
        results += done
    return results


def _stretches(items: Sequence[PreparedDraft]) -> Iterator[Sequence[PreparedDraft]]:
    """Yields groups of consecutive drafts. A new group begins at a draft that captures or reverses
    a draft of the current group.
    """
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
    """Posts the drafts in a savepoint. If the database refuses a row, posts each half of the drafts
    separately, until the refused draft is found.

    Each half locks and reads its accounts again, because the savepoint rolled back all changes.
    Raises OperationalError if another transaction has used one of the ids in the meantime, so that
    the whole work is retried. Dividing the drafts into halves would find such ids only one by one,
    while the accounts stay locked.
    """
    try:
        with db_transaction.atomic():
            return _check_and_write(items, locked, dict(posted))
    except (IntegrityError, DataError, insert.IdTaken) as error:
        booked = insert.find([item.id for item in items if item.id_given])
        if booked.keys() - posted.keys():
            raise OperationalError(IDS_BOOKED) from SerializationFailure(IDS_BOOKED)
        refusal = refusal_of(error) if not isinstance(error, insert.IdTaken) else None
        if refusal is None and not isinstance(error, insert.IdTaken):
            raise
    if len(items) == 1:
        row = insert.find([items[0].id]).get(items[0].id)
        if row is not None:
            return [_repeated(items[0], row)]
        return [refusal or IdempotencyConflict("This id was used a moment ago; look it up.")]
    middle = len(items) // 2
    sums = locked.sent_before
    first = _post_chunk(items[:middle], lock_accounts_of(items[:middle], sums), posted)
    done = {row.pk: row for row in first if isinstance(row, Transaction)}
    rest = items[middle:]
    return first + _post_chunk(rest, lock_accounts_of(rest, sums), {**posted, **done})


def _check_and_write(
    items: Sequence[PreparedDraft], locked: LockedAccounts, posted: dict[uuid.UUID, Transaction]
) -> list[Transaction | LedgerError]:
    """Checks the drafts and writes the accepted drafts. Returns a result for each draft. Normally
    each draft is checked while earlier rows are being sent. If an account has a daily limit, all
    drafts are checked before the first row is sent, because a check may send a query.
    """
    results: list[Transaction | LedgerError] = []
    good: Iterable[PreparedDraft] = _good(items, locked, posted, results)
    if locked.limited_by_day:
        good = list(good)
    insert.write(good, len(items))
    return results


def _good(
    items: Sequence[PreparedDraft],
    locked: LockedAccounts,
    posted: dict[uuid.UUID, Transaction],
    results: list[Transaction | LedgerError],
) -> Iterator[PreparedDraft]:
    """Checks the drafts and yields the drafts that must be written. Appends a result for every
    draft to `results`: the new row, the existing row with the same id, or the refusal.
    """
    for item in items:
        try:
            complete(item)
            row = posted.get(item.id) if item.id_given else None
            if row is not None:
                results.append(_repeated(item, row))
                continue
            sides = locked.sides(item)
            check(item, sides, locked)
        except LedgerError as refusal:
            results.append(refusal)
            continue
        apply(item, sides, locked)
        row = insert.as_transaction(item)
        if item.id_given:
            posted[item.id] = row
        results.append(row)
        yield item


def _repeated(item: PreparedDraft, row: Transaction) -> Transaction | LedgerError:
    """Returns the posted row if its content is the same as the draft's, otherwise an
    IdempotencyConflict.
    """
    if item.same_content(row):
        item.was_posted = True
        return row
    return ID_USED
