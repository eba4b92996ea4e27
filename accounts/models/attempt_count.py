"""How often something was tried in a window of time; a row a counter."""

from typing import ClassVar

from django.db import models


class AttemptCount(models.Model):
    """A counter of wrong attempts. Its key is a digest: the table names no person and no address.

    `accounts.sign_in.limits` counts in one statement, so that parallel attempts cannot pass.
    """

    key = models.CharField(max_length=64, primary_key=True)
    count = models.PositiveIntegerField()
    window_ends = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "attempt_counts"
        db_table_comment = "Counters of the limits on signing in"
        verbose_name = "attempt count"
        default_permissions: ClassVar[tuple[str, ...]] = ()

    def __str__(self) -> str:
        return f"{self.count} until {self.window_ends}"
