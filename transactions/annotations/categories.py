"""The categories that owners give to their payments, as queries; the posted rows stay as they are.

`shown_category` of an entry or a transaction is the reader's own category once it was read, by
`own_category` in the query or by `read_own_categories` after it; else that of the row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

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

from accounts.models import User
from ledger.text.lines import counted
from transactions.annotations.models import OwnCategory
from transactions.models import Entry, Transaction
from transactions.models.transaction import TransactionQuerySet

MOST_CHANGES, MOST_OFFERED = 20, 40
MOST_IN_USE = 500  # categories that are listed; who pays somebody may name further ones


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
