"""`OwnCategory`, the model of a category that an owner sets for a transaction. The transaction
never changes.
"""

import uuid
from typing import ClassVar, Self

from django.db import models
from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone

from accounts.models import User
from ledger.db.ids import pk_of, uuid7
from transactions.models.transaction import Transaction

CATEGORY_LIMIT = 60  # characters


class OwnCategoryQuerySet(models.QuerySet["OwnCategory"]):
    """Categories that owners set. Start every query with `of(owner)`, because only the owner may
    see these categories.
    """

    def of(self, owner: "User | uuid.UUID") -> Self:
        """Returns all categories that this person has set, including outdated categories."""
        return self.filter(owner=pk_of(owner))

    def newest_first(self) -> Self:
        """Orders by time, newest first. No two changes of an owner have the same time."""
        return self.order_by("-created_at")

    def latest(self) -> Self:  # type: ignore[override]
        """Returns only the newest category for each transaction and owner. Older categories are
        outdated.
        """
        newest = OwnCategory.objects.filter(
            owner=OuterRef("owner"), transaction=OuterRef("transaction")
        ).newest_first()
        return self.filter(pk=Subquery(newest.values("pk")[:1]))


class OwnCategory(models.Model):
    """A private category that the owner of an account sets for a transaction of this account.

    All rows of one change have the same value in `change`. If the change is undone, these rows are
    deleted, and the categories from before the change are valid again.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    transaction = models.ForeignKey(Transaction, models.PROTECT, related_name="+", db_index=False)
    owner = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    category = models.CharField(max_length=CATEGORY_LIMIT, db_comment="In lower case")
    change = models.UUIDField(db_comment="What was changed together has the same")
    created_at = models.DateTimeField(
        default=timezone.now, db_comment="Strictly rises within an owner's transaction"
    )

    objects = OwnCategoryQuerySet.as_manager()

    class Meta:
        db_table = "own_categories"
        db_table_comment = "Categories that owners give to transactions; the newest counts"
        default_permissions = ()  # only its owner, regardless of roles
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["owner", "transaction", "-created_at"], name="own_categories_newest"
            ),
            models.Index(fields=["owner", "change"], name="own_categories_change"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="own_category_named",
                condition=~Q(category=""),
                violation_error_message="Type a category.",
            ),
        ]

    def __str__(self) -> str:
        return self.category
