"""`SavedReport`, the model of a report that a person saved under a name."""

import uuid
from typing import ClassVar, Self

from django.contrib.auth.models import Group
from django.db import models
from django.db.models import F, Func, OuterRef, Q, Subquery, Value

from accounts.models import User

NAME_LIMIT = 80  # characters


class SavedReportQuerySet(models.QuerySet["SavedReport"]):
    def readable_by(self, reader: User) -> Self:
        """Returns the reader's reports, and reports that other people share with a group of the
        reader.
        """
        return self.filter(Q(owner=reader) | Q(group__in=reader.groups.all()))

    def by_name(self) -> Self:
        """Adds `owner_name` to each report, and orders by the report's name. `owner_name` is None
        if row-level security hides the owner. With a join instead of a subquery, row-level security
        would also hide the report.
        """
        owner = User.objects.filter(pk=OuterRef("owner"))
        named = self.annotate(owner_name=Subquery(owner.values("name")))
        return named.select_related("group").order_by("name", "pk")


def id_of(owner: User, name: str) -> uuid.UUID:
    """Returns the id of a person's report with this name. The id is a hash of the person and the
    name, so that the primary key makes names unique per person.
    """
    return uuid.uuid5(owner.pk, name)


class SavedReport(models.Model):
    """A report that a person saved under a name, and may share with a group of staff. The row
    contains only the parameters of the report's URL, no results. Readers see only results that they
    may see.
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

    owner_name: str | None  # set by `by_name`

    objects = SavedReportQuerySet.as_manager()

    class Meta:
        db_table = "saved_reports"
        db_table_comment = "Reports that people saved under a name, with their parameters"
        # The owner and the members of the group may open it, regardless of their roles.
        default_permissions = ()
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
