"""Categories that owners give to their payments, many at once; the posted rows stay as they are.

`shown_category` of an entry or a transaction is the reader's own category once it was read, by
`own_category` in the query or by `read_own_categories` after it; else that of the row.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db import transaction as db_transaction
from django.db.models import (
    Count,
    Exists,
    F,
    Max,
    Min,
    OuterRef,
    QuerySet,
    Subquery,
    TextField,
    Value,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Lower, NullIf
from django.utils import timezone

from accounts.models import User
from accounts.refusal_counts import counts_refusals
from accounts.sent_bytes import LEAST, count_stored
from ledger.db.ids import pk_of, uuid7
from ledger.db.named_locks import wait_for_lock
from ledger.db.retry import with_retry
from ledger.text.dates import MICROSECOND
from ledger.text.lines import counted
from transactions.exceptions import InvalidDetails
from transactions.models import CategoryRule, Entry, OwnCategory, Transaction
from transactions.models.transaction import TransactionQuerySet

MOST_AT_ONCE = 5_000  # payments
MOST_CHANGES, MOST_OFFERED = 20, 40
MOST_IN_USE = 500  # categories that are listed; who pays somebody may name further ones

_GIVE = """
    INSERT INTO own_categories (id, transaction_id, owner_id, category, change, created_at)
    SELECT gen_random_uuid(), found.id, %s, %s, %s, %s FROM ({found}) AS found (id)
"""

# Of the payments of a change: what no undoing of a change in `kept` brings back.
_FORGET = """
    DELETE FROM own_categories AS old USING own_categories AS given
    WHERE given.owner_id = %(owner)s AND given.change = %(change)s
      AND old.owner_id = given.owner_id AND old.transaction_id = given.transaction_id
      AND NOT old.change = ANY (%(kept)s) AND EXISTS (
        SELECT FROM own_categories AS later
        WHERE later.owner_id = old.owner_id AND later.transaction_id = old.transaction_id
          AND later.created_at > old.created_at AND NOT later.change = ANY (%(kept)s))
"""


@dataclass(frozen=True, slots=True)
class CategoryChange:
    """Payments that got a category together, and what counts now for them."""

    id: UUID
    category: str
    count: int
    at: datetime

    @property
    def payments(self) -> str:
        return counted(self.count, "payment")


@dataclass(frozen=True, slots=True)
class CategoryInUse:
    """A category, the number of transactions in it, and to how many of them its owner gave it, also
    by a rule.
    """

    category: str
    count: int
    given: int


def own_category(owner: User | UUID, field: str = "pk") -> Subquery:
    """The category that the owner gave to the transaction of a row, as a subquery; NULL if none.

    `field` is "pk" for transactions, "transaction_id" for entries.
    """
    given = OwnCategory.objects.of(owner).filter(transaction=OuterRef(field)).newest_first()
    return Subquery(given.values("category")[:1], output_field=TextField())


def has_own_category(owner: User, field: str = "pk") -> Exists:
    """The condition that the owner gave a category to the transaction of a row."""
    return Exists(OwnCategory.objects.of(owner).filter(transaction=OuterRef(field)))


def category_or_none(owner: User | UUID | None, field: str = "pk") -> Combinable:
    """The owner's category of a row, else that of the row itself, in lower case; NULL for none.
    Without an owner, that of the row.
    """
    of_row = NullIf(Lower(F("category")), Value("", TextField()))
    if owner is None:
        return of_row
    return Coalesce(own_category(owner, field), of_row, output_field=TextField())


def category_for(owner: User | UUID, field: str = "pk") -> Combinable:
    """The owner's category of a row, else that of the row itself, in lower case; "" for none."""
    return Coalesce(category_or_none(owner, field), Value(""), output_field=TextField())


def ids_in_category(user: User, category: str) -> QuerySet[OwnCategory, Any]:
    """Transactions to which the user gave this category, ignoring case."""
    given = OwnCategory.objects.of(user).latest().filter(category=category.lower())
    return given.order_by().values("transaction_id")


def read_own_categories(owner: User | UUID, rows: Sequence[Entry] | Sequence[Transaction]) -> None:
    """Notes on each row the category that the owner gave it. One query; none without rows."""
    by_id: dict[UUID, list[Any]] = {}
    for row in rows:
        by_id.setdefault(row.transaction_id if isinstance(row, Entry) else row.pk, []).append(row)
    if not by_id:
        return
    given = OwnCategory.objects.of(owner).filter(transaction__in=by_id)
    newest = given.order_by("transaction", "-created_at").distinct("transaction")
    for pk, category in newest.values_list("transaction_id", "category"):
        for row in by_id[pk]:
            row.own_category = category


def categories_of(user: User) -> list[str]:
    """The categories that the user gave, the newest first."""
    given = OwnCategory.objects.of(user).values("category").annotate(last=Max("created_at"))
    return list(given.order_by("-last").values_list("category", flat=True)[:MOST_OFFERED])


def categories_in_use(owner: User, rows: TransactionQuerySet) -> list[CategoryInUse]:
    """The most frequent categories of `rows`, which are of the owner's scope, at most MOST_IN_USE.
    Two queries.
    """
    latest = OwnCategory.objects.of(owner).latest().order_by().values("category")
    given = dict(latest.annotate(many=Count("pk")).values_list("category", "many"))
    named = rows.order_by().values(named=category_or_none(owner))
    counted = named.annotate(many=Count("pk")).order_by("-many", "named")
    return [
        CategoryInUse(name, many, given.get(name, 0))
        for name, many in counted.values_list("named", "many")[:MOST_IN_USE]
        if name is not None
    ]


def changes_of(user: User) -> list[CategoryChange]:
    """The user's newest changes."""
    given = OwnCategory.objects.of(user).values("change", "category")
    grouped = given.annotate(many=Count("pk"), at=Min("created_at")).order_by("-at", "change")
    return [
        CategoryChange(row["change"], row["category"], row["many"], row["at"])
        for row in grouped[:MOST_CHANGES]
    ]


def give_where_none(owner: User, rows: TransactionQuerySet, category: str, change: UUID) -> int:
    """Gives a category to those of `rows` that have none of the owner's; returns to how many.

    In the caller's database transaction, which waits for others that change categories.
    """
    return _give(owner, rows.exclude(has_own_category(owner)), category, change)


@counts_refusals
@with_retry
def give_category(*, owner: User, rows: TransactionQuerySet, category: str, change: UUID) -> int:
    """Gives a category to all `rows`, which are of the owner's scope; returns how many got it.

    What the payments had before the last MOST_CHANGES changes is deleted. Rows to which the owner
    gave this category already get nothing, so the same `change` again changes nothing, and returns
    what it returned, unless others got the rows meanwhile. Rows that have it from a rule, or of
    themselves, get it: a rule must not replace it.
    Raises InvalidDetails for more than MOST_AT_ONCE rows.
    """
    with changing_categories(owner):
        mine = OwnCategory.objects.of(owner)
        before = mine.filter(change=change).count()
        if rows.order_by().values("pk")[: MOST_AT_ONCE + 1].count() > MOST_AT_ONCE:
            raise InvalidDetails(
                f"More than {MOST_AT_ONCE:,} payments match. Narrow the search, by a month for "
                "example, and change them in parts."
            )
        others = rows.exclude(_has_chosen(owner, category))
        change = uuid7() if before else change
        if count := _give(owner, others, category, change):
            _forget_outdated(owner, change)
    count_stored(owner, LEAST * count)
    return count or before


def _has_chosen(owner: User, category: str) -> Exists:
    """The condition that a transaction has this category by its owner's choice, not by a rule."""
    rules = CategoryRule.objects.owned_by(owner).values("pk")
    of_row = OwnCategory.objects.of(owner).latest().filter(transaction=OuterRef("pk"))
    return Exists(of_row.filter(category=category).exclude(change__in=rules))


@contextmanager
def changing_categories(owner: User) -> Iterator[None]:
    """A database transaction in which only this caller changes the owner's categories and rules.
    Raises OwnerNotActive at its end if their sign-in is closed, see Note [Slow searches].
    """
    with db_transaction.atomic(durable=True):
        wait_for_categories(owner.pk)
        yield
        User.objects.lock_active(owner.pk)


def wait_for_categories(owner: UUID) -> None:
    """Makes each category of a transaction later than the one before.

    Note [Slow searches]: a change of categories searches in all payments of a person, for seconds
    if there are many. So it waits for other changes by an advisory lock, and locks the person's
    row, for which all else of theirs waits, only at its end: if they leave first, it is rolled
    back. An erasure locks the row so that nothing that names the person is inserted at all.
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
    """Deletes older rows of the payments of a change, which can no longer be undone. So a payment
    has at most one row more than MOST_CHANGES of an owner, however often it is changed.
    """
    kept = [each.id for each in changes_of(owner)]
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, {"owner": pk_of(owner), "change": change, "kept": kept})


@with_retry
def undo_change(*, owner: User, change: UUID) -> int:
    """Takes back a change: what counted before counts again. Returns for how many payments."""
    with db_transaction.atomic(durable=True):
        deleted, _by_table = OwnCategory.objects.of(owner).filter(change=change).delete()
        return deleted


@with_retry
def remove_category(*, owner: User, transaction: Transaction) -> None:
    """Removes every category that the owner gave to a transaction, so that of the row counts."""
    with db_transaction.atomic(durable=True):
        OwnCategory.objects.of(owner).filter(transaction=transaction).delete()
