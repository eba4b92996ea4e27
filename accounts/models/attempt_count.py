"""Counters of attempts within a time window. Each row is one counter."""

from collections.abc import Sequence
from typing import ClassVar

from django.db import connection, models
from django.db import transaction as db_transaction

COUNT = """
    INSERT INTO attempt_counts AS c (key, count, window_ends)
    SELECT key, %s, now() + seconds * interval '1 second'
      FROM unnest(%s::text[], %s::int[]) AS wanted (key, seconds)
     ORDER BY key
    ON CONFLICT (key) DO UPDATE SET
        count = CASE WHEN c.window_ends <= now() THEN excluded.count
                     ELSE c.count + excluded.count END,
        window_ends = CASE WHEN c.window_ends <= now() THEN excluded.window_ends
                           ELSE c.window_ends END
    RETURNING c.key, c.count
"""


class AttemptCountQuerySet(models.QuerySet["AttemptCount"]):
    def delete(self) -> tuple[int, dict[str, int]]:
        """Locks the counters in order of key, deletes them, and returns the result of Django's
        delete(). COUNT locks in the same order, so counting and deleting cannot deadlock.
        """
        with db_transaction.atomic():
            in_order = self.order_by("pk").select_for_update()
            keys = list(in_order.values_list("pk", flat=True))
            return self.model._base_manager.filter(pk__in=keys).delete()


class AttemptCountManager(models.Manager["AttemptCount"]):
    """Manager that counts in one SQL statement, so that two callers never get the same number."""

    def get_queryset(self) -> AttemptCountQuerySet:
        return AttemptCountQuerySet(self.model, using=self._db)

    def count_up(self, wanted: Sequence[tuple[str, int]], *, by: int = 1) -> dict[str, int]:
        """Adds `by` to each counter in one SQL statement and returns the new counts by key.
        `wanted` contains pairs of a key and the length of the time window in seconds.
        """
        with connection.cursor() as cursor:
            keys, seconds = [key for key, _ in wanted], [each for _, each in wanted]
            cursor.execute(COUNT, [by, keys, seconds])
            return dict(cursor.fetchall())


class AttemptCount(models.Model):
    """A counter of wrong attempts to sign in (`accounts.sign_in.limits`), or of runs of the
    cookbook's lab. Its key is a digest, so the table does not contain people or addresses.
    """

    key = models.CharField(max_length=64, primary_key=True)
    count = models.PositiveIntegerField()
    window_ends = models.DateTimeField(db_index=True)

    objects = AttemptCountManager()

    class Meta:
        db_table = "attempt_counts"
        db_table_comment = "Counters of the limits on signing in"
        verbose_name = "attempt count"
        default_permissions: ClassVar[tuple[str, ...]] = ()

    def __str__(self) -> str:
        return f"{self.count} until {self.window_ends}"
