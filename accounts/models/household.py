"""People who live together."""

from typing import ClassVar

import pgtrigger
from django.db import models
from django.utils import timezone

from accounts.models.change_triggers import recorded
from ledger.db.ids import uuid7


class Household(models.Model):
    """People who live together. Staff do not serve, and managers do not approve for, their own."""

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
