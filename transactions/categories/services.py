"""Sets categories that owners choose for payments, and undoes and removes such categories."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db import transaction as db_transaction
from django.db.models import Exists, Max, OuterRef
from django.utils import timezone

from accounts.models import User
from accounts.refusal_counts import counts_refusals
from accounts.sent_bytes import LEAST, count_stored
from ledger.db.ids import pk_of, uuid7
from ledger.db.locking.named import wait_for_lock
from ledger.db.retry import with_retry
from ledger.text.dates import MICROSECOND
from transactions.annotations.categories import changes_of, has_own_category
from transactions.annotations.models import OwnCategory
from transactions.categories.models import CategoryRule
from transactions.exceptions import InvalidDetails
from transactions.models import Transaction
from transactions.models.transaction import TransactionQuerySet

MAX_PER_CHANGE = 5_000  # payments in one change

_GIVE = """
    INSERT INTO own_categories (id, transaction_id, owner_id, category, change, created_at)
    SELECT gen_random_uuid(), found.id, %s, %s, %s, %s FROM ({found}) AS found (id)
"""

# Deletes older categories of the payments of a change. Keeps each category that becomes valid again
# if one of the changes in `kept` is undone.
_FORGET = """
    DELETE FROM own_categories AS old USING own_categories AS given
    WHERE given.owner_id = %(owner)s AND given.change = %(change)s
      AND old.owner_id = given.owner_id AND old.transaction_id = given.transaction_id
      AND NOT old.change = ANY (%(kept)s) AND EXISTS (
        SELECT FROM own_categories AS later
        WHERE later.owner_id = old.owner_id AND later.transaction_id = old.transaction_id
          AND later.created_at > old.created_at AND NOT later.change = ANY (%(kept)s))
"""


def give_where_none(owner: User, rows: TransactionQuerySet, category: str, change: UUID) -> int:
    """Sets a category on those `rows` for which neither the owner nor a rule has set a category.
    Returns the number of these rows. The caller must have called `wait_for_categories` in the same
    database transaction.
    """
    return _give(owner, rows.exclude(has_own_category(owner)), category, change)


@counts_refusals
@with_retry
def give_category(*, owner: User, rows: TransactionQuerySet, category: str, change: UUID) -> int:
    """Sets a category on all `rows`, which must be in the owner's scope. Returns the number of rows
    that got the category.

    Rows for which the owner has already chosen this category are skipped. If a rule has set the
    same category, or if it is the bank's category of the payment, the category becomes the owner's
    choice. Rules can then no longer replace it. A second call with the same `change` and the same
    `rows` changes nothing and returns the same number. The last MAX_CHANGES changes can be undone.
    Older categories that no undo can restore are deleted.

    Raises InvalidDetails for more than MAX_PER_CHANGE rows.
    """
    with changing_categories(owner):
        mine = OwnCategory.objects.of(owner)
        before = mine.filter(change=change).count()
        if rows.order_by().values("pk")[: MAX_PER_CHANGE + 1].count() > MAX_PER_CHANGE:
            raise InvalidDetails(
                f"More than {MAX_PER_CHANGE:,} payments match. Search for fewer payments, for "
                "example of one month, and change the payments in parts."
            )
        others = rows.exclude(_has_chosen(owner, category))
        change = uuid7() if before else change
        if count := _give(owner, others, category, change):
            _forget_outdated(owner, change)
    count_stored(owner, LEAST * count)
    return count or before


def _has_chosen(owner: User, category: str) -> Exists:
    """Returns the condition that the owner has set this category on a transaction. A category that
    a rule has set does not count.
    """
    rules = CategoryRule.objects.owned_by(owner).values("pk")
    of_row = OwnCategory.objects.of(owner).latest().filter(transaction=OuterRef("pk"))
    return Exists(of_row.filter(category=category).exclude(change__in=rules))


@contextmanager
def changing_categories(owner: User) -> Iterator[None]:
    """Opens a database transaction in which no other session can change the owner's categories and
    rules. At the end of the block, raises OwnerNotActive if the owner's sign-in is closed. See Note
    [Slow searches].
    """
    with db_transaction.atomic(durable=True):
        wait_for_categories(owner.pk)
        yield
        User.objects.lock_active(owner.pk)


def wait_for_categories(owner: UUID) -> None:
    """Waits until all other changes of this owner's categories have ended. As a result, each new
    category of a transaction is later than the previous category.

    Note [Slow searches]: to change categories, Ledger searches all payments of a person. This takes
    seconds if there are many payments. So a change of categories first takes an advisory lock. Only
    other changes of categories need this lock. The change locks the person's row only at its end,
    because all other changes of that person need the row. If the person has left the bank by then,
    the change is rolled back. An erasure also locks the row, so that no text about the person is
    inserted during the erasure.
    """
    wait_for_lock(f"categories of {owner}")


def _give(owner: User, rows: TransactionQuerySet, category: str, change: UUID) -> int:
    last = OwnCategory.objects.of(owner).aggregate(last=Max("created_at"))["last"]
    moment = timezone.now() if last is None else max(timezone.now(), last + MICROSECOND)
    try:
        sql, parameters = rows.order_by().values("pk").query.sql_with_params()
    except EmptyResultSet:
        return 0
    with connection.cursor() as cursor:
        given = (pk_of(owner), category, change, moment)
        cursor.execute(_GIVE.format(found=sql), (*given, *parameters))
        count: int = cursor.rowcount
        return count


def _forget_outdated(owner: User, change: UUID) -> None:
    """Deletes older categories of the payments of a change, if no undo can make these categories
    valid again. A payment keeps at most MAX_CHANGES + 1 categories of an owner.
    """
    kept = [each.id for each in changes_of(owner)]
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, {"owner": pk_of(owner), "change": change, "kept": kept})


@with_retry
def undo_change(*, owner: User, change: UUID) -> int:
    """Undoes a change, so that the previous categories are valid again. Returns the number of
    payments, or 0 if the change was already undone.
    """
    with db_transaction.atomic(durable=True):
        deleted, _by_table = OwnCategory.objects.of(owner).filter(change=change).delete()
        return deleted


@with_retry
def remove_category(*, owner: User, transaction: Transaction) -> None:
    """Removes all categories that the owner has set on a transaction. Pages then show the category
    of the transaction again.
    """
    with db_transaction.atomic(durable=True):
        OwnCategory.objects.of(owner).filter(transaction=transaction).delete()
