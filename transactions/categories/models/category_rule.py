"""`CategoryRule`, the model of a rule. A rule sets the category of payments that a search finds."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from ledger.db.ids import uuid7
from transactions.annotations.models.own_category import CATEGORY_LIMIT

RULE_NAME_LIMIT, RULE_QUERY_LIMIT = 80, 300  # characters


class CategoryRuleQuerySet(models.QuerySet["CategoryRule"]):
    def owned_by(self, person: User) -> Self:
        return self.filter(owner=person)

    def in_order(self) -> Self:
        """Orders the rules as they are applied. If several rules find a payment, the first rule
        sets its category.
        """
        return self.order_by("position", "pk")


class CategoryRule(models.Model):
    """A rule of an owner. The rule sets `category` on the owner's payments that the search `query`
    finds.

    `seen` maps the id of each of the owner's accounts to a booking time. The rule has processed all
    payments of the account up to this time. An account that is not in `seen` had no entry when the
    rule was saved. `stopped_at` is the time when the rule was switched off, because the rule took
    too long.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(User, models.PROTECT, related_name="+")
    position = models.IntegerField(db_comment="The lowest is asked first")
    name = models.CharField(max_length=RULE_NAME_LIMIT)
    query = models.CharField(max_length=RULE_QUERY_LIMIT, db_comment="As typed into the search")
    category = models.CharField(max_length=CATEGORY_LIMIT, db_comment="In lower case")
    seen = models.JSONField(
        default=dict, blank=True, db_comment="Booking times up to which accounts were looked at"
    )
    stopped_at = models.DateTimeField(
        null=True, blank=True, db_comment="Since when it is off, because it took too long"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = CategoryRuleQuerySet.as_manager()

    class Meta:
        db_table = "category_rules"
        db_table_comment = "Rules by which payments of an owner get a category"
        default_permissions = ()  # only its owner, regardless of roles
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="category_rule_complete",
                condition=~Q(name="") & ~Q(query="") & ~Q(category=""),
                violation_error_message="A rule has a name, a search and a category.",
            ),
        ]

    def __str__(self) -> str:
        return self.name
