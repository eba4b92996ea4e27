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

MAX_PER_PAYMENT = 5
MAX_BYTES_PER_PERSON = 500 * 1024 * 1024
TOO_MANY = f"This payment has {MAX_PER_PAYMENT} receipts. Remove one first."
TOO_MANY_BYTES = (
    "All your receipts together can have up to 500 MB. Remove receipts of older payments first."
)


@counts_refusals
def attach(*, transaction: Transaction, owner: User, file: FitFile, id: UUID) -> Attachment:
    """Attaches a file to a transaction, and returns the attachment. `id` is the id from the form.

    A second call with the same arguments returns the existing attachment. If the content of this
    attachment is missing, the call stores the content again.

    Raises: TransactionNotFound if neither account of the transaction belongs to the owner;
    InvalidDetails above the limits; StorageFailed if S3 does not accept the content.
    """
    if not Transaction.objects.visible_to(owner).filter(pk=transaction.pk).exists():
        raise TransactionNotFound("You have no transaction with this id.")
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
    """Removes an attachment and its content. A second call does nothing.

    Raises: StorageFailed if S3 does not delete the content.
    """
    storage.delete_outside([attachment.pk])
    _delete(attachment)


@with_retry
def _insert(row: Attachment) -> Attachment | None:
    """Inserts the row and returns None. If a row with this id exists, returns that row: it is the
    same attachment, because the id depends on the payment, the file name and the content. Locks the
    owner, so that parallel requests together cannot exceed the limits.
    """
    with db_transaction.atomic(durable=True):
        owner = User.objects.lock_active(row.owner_id)
        mine = Attachment.objects.of(owner)
        known = mine.filter(pk=row.pk).first()
        if known is not None:
            return known
        if mine.about(row.transaction_id).count() >= MAX_PER_PAYMENT:
            raise InvalidDetails(TOO_MANY)
        stored = mine.aggregate(size=Sum("size"))["size"] or 0
        if stored + row.size > MAX_BYTES_PER_PERSON:
            raise InvalidDetails(TOO_MANY_BYTES)
        row.save(force_insert=True)
        return None


@with_retry
def _delete(attachment: Attachment) -> None:
    with db_transaction.atomic(durable=True):
        Attachment.objects.filter(pk=attachment.pk).delete()


def _put(row: Attachment, content: bytes) -> None:
    """Stores the content in S3. Deletes the row if S3 does not accept the content.

    Raises: StorageFailed if S3 does not accept the content.
    """
    try:
        storage.put(row, content)
    except storage.StorageFailed:
        remove(attachment=row)
        raise
