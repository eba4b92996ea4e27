"""`Budget`, the model of the amount that an owner wants to spend on a category each month."""

import uuid
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import MoneyField, User
from transactions.annotations.models.own_category import CATEGORY_LIMIT


class BudgetQuerySet(models.QuerySet["Budget"]):
    def owned_by(self, person: User) -> Self:
        return self.filter(owner=person)


def id_of(owner: User, category: str, currency: str) -> uuid.UUID:
    """Returns the id of a person's budget for a category and currency. The id is a hash of these
    three values, so the primary key prevents a second budget for the same values.
    """
    return uuid.uuid5(owner.pk, f"budget {currency} {category}")


class Budget(models.Model):
    """The amount that an owner wants to spend each month, in one category and currency. Only the
    owner can see the budget.
    """

    id = models.UUIDField(
        primary_key=True, editable=False, db_comment="Made of owner, category and currency"
    )
    owner = models.ForeignKey(User, models.PROTECT, related_name="+")
    category = models.CharField(max_length=CATEGORY_LIMIT, db_comment="In lower case")
    currency = models.CharField(max_length=3)
    amount = MoneyField(db_comment="For each month")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = BudgetQuerySet.as_manager()

    class Meta:
        db_table = "budgets"
        db_table_comment = "How much owners want to spend on a category each month"
        default_permissions = ()  # only its owner, regardless of roles
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="budget_positive",
                condition=Q(amount__gt=0),
                violation_error_message="A budget is more than zero.",
            ),
            models.CheckConstraint(
                name="budget_has_a_category",
                condition=~Q(category=""),
                violation_error_message="A budget has a category.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.category} in {self.currency}"
