"""A report with its parameters, saved under a name, and shared with a group of staff or nobody."""

import uuid
from typing import ClassVar, Self

from django.contrib.auth.models import Group
from django.db import models
from django.db.models import F, Func, OuterRef, Q, Subquery, Value

from accounts.models import User

NAME_LIMIT = 80  # characters


class SavedReportQuerySet(models.QuerySet["SavedReport"]):
    def readable_by(self, reader: User) -> Self:
        """One's own, and those that others share with a group of this person."""
        return self.filter(Q(owner=reader) | Q(group__in=reader.groups.all()))

    def by_name(self) -> Self:
        """Each with its `owner_name`; None where row-level security hides the owner. A join would
        hide the report too.
        """
        owner = User.objects.filter(pk=OuterRef("owner"))
        named = self.annotate(owner_name=Subquery(owner.values("name")))
        return named.select_related("group").order_by("name", "pk")


def id_of(owner: User, name: str) -> uuid.UUID:
    """The id of a person's report with this name: by it, a name is there once for each person,
    without a key over the whole bank.
    """
    return uuid.uuid5(owner.pk, name)


class SavedReport(models.Model):
    """Whoever opens it sees the rows that they themselves may see: it holds no rows, only the
    parameters of an address.
    """

    id = models.UUIDField(
        primary_key=True, editable=False, db_comment="Made of the owner and the name"
    )
    owner = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    name = models.CharField(max_length=NAME_LIMIT)
    report = models.CharField(max_length=60, db_comment="Its name in addresses")
    parameters = models.JSONField(default=dict, blank=True, db_comment="Texts, as in the address")
    group = models.ForeignKey(
        Group, models.SET_NULL, null=True, blank=True, related_name="+",
        db_comment="Whose members may open it, too",
    )  # fmt: skip

    owner_name: str | None  # of `by_name`

    objects = SavedReportQuerySet.as_manager()

    class Meta:
        db_table = "saved_reports"
        db_table_comment = "Reports that people saved under a name, with their parameters"
        default_permissions = ()  # its owner and their group, regardless of roles
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="saved_report_parameters_are_object",
                condition=Q(
                    models.lookups.Exact(
                        Func(
                            F("parameters"),
                            function="jsonb_typeof",
                            output_field=models.TextField(),
                        ),
                        Value("object"),
                    )
                ),
                violation_error_message="Parameters are an object of texts.",
            ),
        ]

    def __str__(self) -> str:
        return self.name
