"""Households: people who live together."""

from typing import Any, ClassVar, Self

import pgtrigger
from django.db import models
from django.utils import timezone

from accounts.models.change_triggers import recorded
from accounts.shown import add_unnamed
from ledger.db.ids import uuid7


class Household(models.Model):
    """A household: people who live together. Staff cannot serve people of their household, and
    managers cannot approve requests for people of their household.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=200, help_text="Such as the family's name and the street.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "households"
        db_table_comment = "Who lives together: staff and their own household never meet"

        triggers: ClassVar[list[pgtrigger.Trigger]] = recorded(
            "households", {"name": "{row}.name"}, "name"
        )

    def __str__(self) -> str:
        return self.name

    @classmethod
    def from_db(cls, *arguments: Any, **options: Any) -> Self:
        """Creates the instance and records the read of a family name for the read log."""
        add_unnamed()
        return super().from_db(*arguments, **options)
