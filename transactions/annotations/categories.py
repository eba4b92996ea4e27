"""Queries for the categories that owners set for their payments. Setting a category does not change
the posted row.

`shown_category` of an entry or transaction is the category that the account's owner set. If the
owner set no category, it is the category of the transaction. Load the owner's category with
`own_category` or `read_own_categories`.
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

MAX_CHANGES, MAX_OFFERED = 20, 40
# Maximum number of categories in a list. There may be more.
MAX_IN_USE = 500


@dataclass(frozen=True, slots=True)
class CategoryChange:
    """A change that set the category of several payments. `count` is the number of these payments
    that still have the category.
    """

    id: UUID
    category: str
    count: int
    at: datetime

    @property
    def payments(self) -> str:
        return counted(self.count, "payment")


@dataclass(frozen=True, slots=True)
class CategoryInUse:
    """A category, the number of its transactions, and the number of those transactions whose
    category was set by the owner or by a rule.
    """

    category: str
    count: int
    given: int


def own_category(owner: User | UUID, field: str = "pk") -> Subquery:
    """Returns a subquery for the category that the owner set for a row's transaction, or NULL.
    `field` is "pk" for transactions and "transaction_id" for entries.
    """
    given = OwnCategory.objects.of(owner).filter(transaction=OuterRef(field)).newest_first()
    return Subquery(given.values("category")[:1], output_field=TextField())


def has_own_category(owner: User, field: str = "pk") -> Exists:
    """Returns the condition that the owner has set a category for the transaction of a row."""
    return Exists(OwnCategory.objects.of(owner).filter(transaction=OuterRef(field)))


def category_or_none(owner: User | UUID | None, field: str = "pk") -> Combinable:
    """Returns an expression for the category of a row: the category that the owner set, or else the
    transaction's category in lower case, or else NULL. If `owner` is None, uses only the
    transaction's category.
    """
    of_row = NullIf(Lower(F("category")), Value("", TextField()))
    if owner is None:
        return of_row
    return Coalesce(own_category(owner, field), of_row, output_field=TextField())


def category_for(owner: User | UUID, field: str = "pk") -> Combinable:
    """Returns an expression for the category of a row: the category that the owner set, or else the
    transaction's category in lower case, or else "".
    """
    return Coalesce(category_or_none(owner, field), Value(""), output_field=TextField())


def ids_in_category(user: User, category: str) -> QuerySet[OwnCategory, Any]:
    """Returns the ids of transactions for which the user, or a rule of the user, has set this
    category. Ignores case.
    """
    given = OwnCategory.objects.of(user).latest().filter(category=category.lower())
    return given.order_by().values("transaction_id")


def read_own_categories(owner: User | UUID, rows: Sequence[Entry] | Sequence[Transaction]) -> None:
    """Sets `own_category` on the rows that have a category set by the owner. Sends one query, or no
    query if `rows` is empty.
    """
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
    """Returns the categories that the user has set, at most MAX_OFFERED. The most recently used
    category comes first.
    """
    given = OwnCategory.objects.of(user).values("category").annotate(last=Max("created_at"))
    return list(given.order_by("-last").values_list("category", flat=True)[:MAX_OFFERED])


def categories_in_use(owner: User, rows: TransactionQuerySet) -> list[CategoryInUse]:
    """Returns the most frequent categories of `rows`, at most MAX_IN_USE. All `rows` must be in the
    owner's scope. Sends two queries.
    """
    latest = OwnCategory.objects.of(owner).latest().order_by().values("category")
    given = dict(latest.annotate(many=Count("pk")).values_list("category", "many"))
    named = rows.order_by().values(named=category_or_none(owner))
    counted = named.annotate(many=Count("pk")).order_by("-many", "named")
    return [
        CategoryInUse(name, many, given.get(name, 0))
        for name, many in counted.values_list("named", "many")[:MAX_IN_USE]
        if name is not None
    ]


def changes_of(user: User) -> list[CategoryChange]:
    """Returns the newest changes of categories that the user made, at most MAX_CHANGES."""
    given = OwnCategory.objects.of(user).values("change", "category")
    grouped = given.annotate(many=Count("pk"), at=Min("created_at")).order_by("-at", "change")
    return [
        CategoryChange(row["change"], row["category"], row["many"], row["at"])
        for row in grouped[:MAX_CHANGES]
    ]
