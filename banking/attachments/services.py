"""Attaches receipts to transactions, and removes them."""

from hashlib import sha256
from uuid import UUID

from django.db import transaction as db_transaction
from django.db.models import Sum

from accounts.models import User
from accounts.refusal_counts import counts_refusals
from banking.attachments import storage
from banking.attachments.content import FitFile
from banking.attachments.models import Attachment
from ledger.db.ids import uuid7_with
from ledger.db.retry import with_retry
from transactions.exceptions import InvalidDetails, TransactionNotFound
from transactions.models import Transaction

MOST_OF_A_PAYMENT = 5
MOST_BYTES_OF_A_PERSON = 500 * 1024 * 1024
TOO_MANY = f"This payment has {MOST_OF_A_PAYMENT} receipts. Remove one first."
NO_ROOM = "Your receipts take 500 MB together. Remove some of older payments first."


@counts_refusals
def attach(*, transaction: Transaction, owner: User, file: FitFile, id: UUID) -> Attachment:
    """Attaches a file. `id` is that of the form: the same file for the same transaction under it
    returns the attachment that it made before, and stores its content if only its row was stored,
    as by a process that died.

    Raises TransactionNotFound if the owner has no side of the transaction, InvalidDetails above the
    limits, StorageFailed if S3 does not take it.
    """
    if not Transaction.objects.visible_to(owner).filter(pk=transaction.pk).exists():
        raise TransactionNotFound("No transaction of yours has this id.")
    row = Attachment(
        id=uuid7_with(id, transaction.pk, file.name, sha256(file.content).hexdigest()),
        transaction=transaction,
        owner=owner,
        name=file.name,
        kind=file.kind,
        size=len(file.content),
        content=None if storage.is_outside() else file.content,
    )
    known = _insert(row)
    if known is not None:
        if storage.is_missing(known):
            storage.put(known, file.content)
        return known
    if storage.is_outside():
        _put(row, file.content)
    return row


@counts_refusals
def remove(*, attachment: Attachment) -> None:
    """Removes an attachment. Removing it twice does no harm. Raises StorageFailed."""
    storage.delete_outside([attachment.pk])
    _delete(attachment)


@with_retry
def _insert(row: Attachment) -> Attachment | None:
    """Inserts the row, or returns the one with its id, which has the same file. Locks the owner
    for the limits.
    """
    with db_transaction.atomic(durable=True):
        owner = User.objects.lock_active(row.owner_id)
        mine = Attachment.objects.of(owner)
        known = mine.filter(pk=row.pk).first()
        if known is not None:
            return known
        if mine.about(row.transaction_id).count() >= MOST_OF_A_PAYMENT:
            raise InvalidDetails(TOO_MANY)
        stored = mine.aggregate(size=Sum("size"))["size"] or 0
        if stored + row.size > MOST_BYTES_OF_A_PERSON:
            raise InvalidDetails(NO_ROOM)
        row.save(force_insert=True)
        return None


@with_retry
def _delete(attachment: Attachment) -> None:
    with db_transaction.atomic(durable=True):
        Attachment.objects.filter(pk=attachment.pk).delete()


def _put(row: Attachment, content: bytes) -> None:
    """Stores the content outside; without it the row goes, too."""
    try:
        storage.put(row, content)
    except storage.StorageFailed:
        remove(attachment=row)
        raise
