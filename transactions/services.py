"""All functions that move money. Each call is one database transaction, with two exceptions.
`expire_holds` opens one database transaction per payer and payee. `post_batch` with `atomic=False`
opens one per chunk.

A service never runs inside another database transaction (`durable=True`). If a service returns,
money has moved. If it raises an error, this call has not moved money, with two exceptions.
`OutcomeUnknown` means that the connection was lost during COMMIT. `BatchInterrupted` means that a
batch with `atomic=False` failed, and that its earlier chunks stay posted.

After `OutcomeUnknown`, send the same id again until a call returns or raises a LedgerError. The
attribute `ids` of the error contains the id, even if the caller did not set an id. If the repeated
call raises any other error, for example because of a lock or a slow SQL statement, the outcome of
the first call is still unknown: its COMMIT may still wait for a standby and keep its locks. A call
with a new id may pay twice.

If the process of a call died before there was an answer, the payment may still be booked up to 3
seconds after it was sent, whatever a repeated call in another process returns, see Note [Lost
statements].
"""

import uuid
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple, TypedDict, Unpack

from django.db import transaction as db_transaction
from django.utils import timezone

from accounts.models import Account, User
from accounts.refusal_counts import REVIEW, counting_refusals
from ledger.db.commits.xids import current_xid, was_committed
from transactions.exceptions import (
    AccountNotFound,
    AlreadyReversed,
    HoldNotPending,
    LedgerError,
)
from transactions.models import StaffReason, Transaction
from transactions.models.transaction import DESCRIPTION_LIMIT
from transactions.posting import (
    blocked_accounts,
    counts,
    engine,
    single_statement,
    unit_of_work,
)
from transactions.posting.batches import (
    MAX_TOGETHER,
    BatchInterrupted,
    post_batch,
    post_together,
    preview_parts,
)
from transactions.posting.day_limits import DayLimit, paid_to_others
from transactions.posting.drafts import Draft, PreparedDraft, prepare
from transactions.posting.locked_accounts import LockedAccounts, lock
from transactions.posting.lost_statements import LostStatement, lost_before

__all__ = [
    "MAX_TOGETHER",
    "BatchInterrupted",
    "Booked",
    "DayLimit",
    "Details",
    "Draft",
    "LedgerError",
    "book",
    "book_once",
    "capture",
    "deposit",
    "expire_holds",
    "hold",
    "paid_to_others",
    "post_batch",
    "post_together",
    "preview",
    "preview_parts",
    "reverse",
    "transfer",
    "void",
    "withdraw",
]

AccountOrId = Account | uuid.UUID | str
NOT_THE_PAYERS = "None of the payer's accounts has this id."
NO_REASON = "Released by code or a command; no reason was given."


class Details(TypedDict, total=False):
    """Optional values of every movement of money.

    `id` is the idempotency key: a second call with the same id and content returns the existing row
    and moves no money. `value_date` is the day from which the money counts (default: the booking
    day). `metadata` is a JSON object of at most 16 KiB.
    """

    id: uuid.UUID | str | None
    description: str
    reference: str
    metadata: Mapping[str, Any] | None
    value_date: date | None
    created_by: User | uuid.UUID | None


class Booked(NamedTuple):
    """A booked row. `is_repeated` is true if an earlier call with the same id has booked the
    row.
    """

    row: Transaction
    is_repeated: bool


@counts.counts_as("transfer")
def transfer(
    *,
    from_account: AccountOrId,
    to_account: AccountOrId,
    amount: Decimal,
    **details: Unpack[Details],
) -> Transaction:
    """Moves `amount` between two accounts of the same currency, and returns the new row.

    Raises a LedgerError if the transfer is refused. The message of the error describes what to do.
    """
    sender, recipient = _named(from_account), _named(to_account)
    return book(Draft(from_account=sender, to_account=recipient, amount=amount, **details))


@counts.counts_as("deposit")
def deposit(*, to_account: AccountOrId, amount: Decimal, **details: Unpack[Details]) -> Transaction:
    """Books money that came into the bank, and returns the new row. Raises the same errors as
    `transfer`.
    """
    return book(Draft(to_account=_named(to_account), amount=amount, **details))


@counts.counts_as("withdrawal")
def withdraw(
    *, from_account: AccountOrId, amount: Decimal, **details: Unpack[Details]
) -> Transaction:
    """Books money that left the bank, and returns the new row. Raises the same errors as
    `transfer`.
    """
    return book(Draft(from_account=_named(from_account), amount=amount, **details))


@counts.counts_as("hold")
def hold(
    *,
    from_account: AccountOrId,
    amount: Decimal,
    to_account: AccountOrId | None = None,
    expires_at: datetime | None = None,
    **details: Unpack[Details],
) -> Transaction:
    """Reserves `amount` and returns the new row, a hold. Other payments cannot spend this money
    until the hold is captured or voided.

    `expire_holds` voids the hold after `expires_at`. Raises ExpiryPassed if `expires_at` is in the
    past, and the same errors as `transfer`.
    """
    sides = {"from_account": _named(from_account), "to_account": to_account}
    return book(Draft(amount=amount, pending=True, expires_at=expires_at, **sides, **details))  # type: ignore[arg-type]


@counts.counts_as("capture")
def capture(
    *, hold: Transaction | uuid.UUID, amount: Decimal | None = None, **details: Unpack[Details]
) -> Transaction:
    """Books the payment of a hold, in full or in part, and returns the new row. If `amount` is less
    than the hold, the rest of the hold is released.

    If no other `details` are passed, the new row has the description, reference and metadata of the
    hold. Raises HoldNotPending if the hold has ended or expired, InvalidAmount if `amount` is more
    than the hold, and the same errors as `transfer`.
    """
    held = _row(hold, HoldNotPending("There is no hold with that id."))
    fields: dict[str, Any] = {
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
            **fields,
        )
    )


@counts.counts_as("release")
def void(
    *, hold: Transaction | uuid.UUID, explain: Callable[[Transaction], object] | None = None
) -> Transaction:
    """Voids a hold, so that its money is available again. Returns the hold. A hold that was already
    voided stays unchanged. Raises HoldNotPending if the row is not a pending hold.

    Before the hold is voided, `explain` is called with its row, in the same database transaction.
    It must store the `StaffReason` that the database requires. Without `explain`, a default reason
    is stored for a hold that has not expired.
    """
    held = _row(hold, HoldNotPending("There is no hold with that id."))

    store_reason = explain or _without_reason
    row, is_new = unit_of_work.run(
        lambda: engine.release(held, explain=store_reason),
        accounts=[held.from_account_id] if held.from_account_id else [],
    )
    if not is_new:
        counts.note_repeated()
    return row


def _without_reason(hold: Transaction) -> None:
    """Stores a default reason for the release of a hold that has not expired. An expired hold needs
    no reason.
    """
    if hold.is_expired:
        return
    StaffReason.objects.get_or_create(
        transaction=hold, action=StaffReason.Action.RELEASE, defaults={"reason": NO_REASON}
    )


@counts.counts_as("reversal")
def reverse(
    *,
    transaction: Transaction | uuid.UUID,
    amount: Decimal | None = None,
    **details: Unpack[Details],
) -> Transaction:
    """Books the opposite of a booked transaction, in full or in part, and returns the new row.

    Raises AlreadyReversed if the sum of the reversals would exceed the original, or if the original
    is a hold or a reversal. Raises InsufficientFunds if the recipient no longer has the money.
    """
    original = _row(transaction, AlreadyReversed("There is no transaction with that id."))
    words = f"Refund: {original.description}" if original.description else "Refund"
    fields: dict[str, Any] = {"description": words[:DESCRIPTION_LIMIT], **details}
    return book(
        Draft(
            from_account=original.to_account_id,
            to_account=original.from_account_id,
            amount=original.amount if amount is None else amount,
            reverses=original,
            **fields,
        )
    )


def expire_holds(*, now: datetime | None = None) -> int:
    """Voids all pending holds that have expired, and returns the number of these holds. Safe to run
    twice or in parallel.

    Skips accounts that another session has locked (SKIP LOCKED). The number includes holds whose
    COMMIT succeeded although the answer was lost. If the holds of one account cannot be voided,
    raises the LedgerError after all other holds are voided.
    """
    moment = now or timezone.now()
    expired = Transaction.objects.pending().filter(expires_at__lte=moment)
    sides = expired.values_list("from_account", "to_account").distinct()
    count, refusal = 0, None
    for payer, payee in list(sides):
        try:
            with counts.counting("release") as released:
                released.many = unit_of_work.run(partial(_expire, payer, payee, moment, {}))
                count += released.many
        except LedgerError as error:
            refusal = error
    if refusal is not None:
        raise refusal
    return count


def _expire(
    payer: uuid.UUID, payee: uuid.UUID | None, moment: datetime, tries: dict[str, int]
) -> int:
    """Voids the expired holds of one payer for one payee in one database transaction, and returns
    the number of these holds. A transaction for several recipients would lock the event streams of
    all these recipients, see Note [Lock of a stream].

    `tries` maps the database transaction id of each try to the number of holds that the try voided.
    With these ids, a retry can find out which tries were committed.
    """
    locked = LockedAccounts(lock([payer], skip_locked=not tries))
    if not locked.accounts:
        return 0
    before = sum(count for xid, count in tries.items() if was_committed(xid))
    pending = Transaction.objects.pending()
    holds = list(pending.filter(from_account=payer, to_account=payee, expires_at__lte=moment))
    if holds:
        engine.release_locked(holds)
        tries[current_xid()] = len(holds)
    return before + len(holds)


def _row(row: Transaction | uuid.UUID, missing: LedgerError) -> Transaction:
    """Returns the stored row. Raises `missing` if there is no such row. Until the accounts are
    locked, use only values that never change.
    """
    try:
        pk = row.pk if isinstance(row, Transaction) else uuid.UUID(str(row))
    except ValueError:
        raise missing from None
    found = Transaction.objects.filter(pk=pk).first()
    if found is None:
        raise missing
    stored: Transaction = found
    return stored


def preview(draft: Draft) -> Transaction:
    """Posts the draft, rolls the posting back, and returns the row. Raises the LedgerError that
    would refuse the draft.
    """

    def rolled_back() -> Transaction | LedgerError:
        result = engine.post_one(item)
        db_transaction.set_rollback(True)
        return result

    with counting_refusals(REVIEW):
        item = prepare(draft)
        return unit_of_work.row_of(unit_of_work.run(rolled_back, accounts=item.account_ids))


def book(
    draft: Draft,
    *,
    write_also: Callable[[Transaction], object] | None = None,
    within: DayLimit | None = None,
) -> Transaction:
    """Posts one draft of any type, and returns the row. Use `transfer`, `deposit` or `withdraw` if
    they are sufficient.

    `write_also` is called with the posted row in the same database transaction. So either the row
    and the writes of `write_also` are committed, or nothing is committed. If the same id is sent
    again, `write_also` is called again for the same row. Raises the refusal of `within` if the
    payment exceeds this daily limit. A row that was booked before does not count again.
    """
    return book_once(draft, write_also=write_also, within=within).row


def book_once(
    draft: Draft,
    *,
    write_also: Callable[[Transaction], object] | None = None,
    within: DayLimit | None = None,
    payer: uuid.UUID | None = None,
) -> Booked:
    """Posts a draft like `book`. Returns the row, and whether an earlier call has booked the row.

    If `payer` is set and the sending account does not belong to this person, raises
    AccountNotFound, even if the payment was booked before.
    """
    with counts.counting(counts.kind_of(draft)):
        item = prepare(draft)
        row = _booked(item, write_also, within, payer)
        if item.is_repeated:
            counts.note_repeated()
        return Booked(row, is_repeated=item.is_repeated)


def _booked(
    item: PreparedDraft,
    write_also: Callable[[Transaction], object] | None,
    within: DayLimit | None,
    payer: uuid.UUID | None,
) -> Transaction:
    def work() -> Transaction | LedgerError:
        if payer is not None and not _is_of(payer, item.from_id):
            return AccountNotFound(NOT_THE_PAYERS)
        item.was_posted = False  # after a failover, the row of an earlier try may not exist
        paid_before = within.paid_before() if within is not None else None
        result = engine.post_one(item)
        if isinstance(result, Transaction):
            if within is not None and paid_before is not None and not item.was_posted:
                within.refuse_over(paid_before, [result])
            if write_also is not None:
                write_also(result)
        single_statement.paths[single_statement.STEP_BY_STEP] += 1
        return result

    def in_one_statement(lost: list[LostStatement]) -> Transaction | LedgerError | None:
        if write_also or not single_statement.suits(item):
            return None
        return single_statement.post(item, lost, within, payer)

    lost = lost_before(item.id)
    result = unit_of_work.run(
        work, [item], first=in_one_statement, lost=lost, accounts=item.account_ids
    )
    row = unit_of_work.row_of(result)
    blocked_accounts.forget(item.account_ids)
    return row


def _is_of(person: uuid.UUID, account: uuid.UUID | None) -> bool:
    return account is not None and Account.objects.filter(pk=account, user=person).exists()


def _named(account: AccountOrId | None) -> AccountOrId:
    if account is None:
        raise AccountNotFound("Name the account; None means outside the bank.")
    return account
