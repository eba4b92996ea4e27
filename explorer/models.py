"""Saved queries, and the history of queries."""

from typing import Any, ClassVar, Self

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from accounts.models.author_triggers import by_its_author, of_now
from ledger.db.history.register import EMPTIED, registered
from ledger.db.ids import uuid7
from ledger.db.triggers import stays

# LONGEST_SQL is in characters; the form also accepts at most this number of bytes
LONGEST_SQL, LONGEST_TITLE = 20_000, 100
AUTHOR = "A query is recorded for the person who is signed in."


class SavedQueryQuerySet(models.QuerySet["SavedQuery"]):
    def visible_to(self, person: User) -> Self:
        """Filters to the user's own queries and to queries that colleagues have shared."""
        return self.filter(Q(owner=person) | Q(is_shared=True))

    def shared_with(self, person: User) -> Self:
        """Filters to the queries that colleagues have shared."""
        return self.filter(is_shared=True).exclude(owner=person)

    def in_order(self) -> Self:
        return self.select_related("owner").order_by("title", "id")


class SavedQuery(models.Model):
    """A saved query with a title. All users of the explorer see a shared query, and run it with
    their own rights.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(User, models.PROTECT, related_name="+")
    title = models.CharField(max_length=LONGEST_TITLE)
    sql = models.CharField(max_length=LONGEST_SQL)
    parameters = models.JSONField(default=dict, blank=True, db_comment="Their values, by name")
    is_shared = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)

    objects = models.Manager.from_queryset(SavedQueryQuerySet)()

    class Meta:
        db_table = "explorer_queries"
        db_table_comment = "Queries of the explorer that people saved"
        default_permissions = ()
        permissions = [("use_explorer", "Can query the whole bank by SQL")]

    def __str__(self) -> str:
        return self.title


# The SQL condition for erasing the values of a query's parameters, see `registered`.
NO_VALUES = "{new} IN ({old}, '{{}}'::jsonb)"


SCOPES = "own, bank, or names: the bank with names; practice: an exercise of the cookbook"


class QueryRun(models.Model):
    """A query that a user ran, with its outcome. A row never changes, and is deleted after the
    retention period.
    """

    class RunOutcome(models.TextChoices):
        ROWS = "rows", "Rows"
        SOLVED = "solved", "Right answer to an exercise"
        REFUSED = "refused", "Refused"
        STOPPED = "stopped", "Stopped for its time"
        FAILED = "failed", "Failed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    person = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    ran_at = models.DateTimeField(default=timezone.now)
    sql = models.CharField(max_length=LONGEST_SQL)
    parameters = models.JSONField(default=dict, blank=True, db_comment="Their values, by name")
    scope = models.CharField(max_length=10, db_comment=SCOPES)
    form = models.CharField(max_length=10, db_comment="page, csv or json")
    outcome = models.CharField(max_length=10, choices=RunOutcome.choices)
    message = models.CharField(max_length=300, blank=True, db_comment="Why there are no rows")
    rows = models.IntegerField(default=0)
    milliseconds = models.IntegerField(default=0)

    class Meta:
        db_table = "explorer_runs"
        db_table_comment = "Who ran which query in the explorer; inserted once, never changed"
        default_permissions = ("view",)
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["-ran_at", "-id"], name="explorer_runs_newest"),
            models.Index(fields=["person", "-ran_at"], name="explorer_runs_by_person"),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            of_now("run_is_of_now", "ran_at"),
            by_its_author("run_by_its_author", "person_id", AUTHOR),
            *registered(erased={"sql": EMPTIED, "message": EMPTIED, "parameters": NO_VALUES}),
            *stays("run_stays", "runs_stay", "The history of queries is never edited or deleted."),
        ]

    def __str__(self) -> str:
        return f"{self.sql[:60]} by {self.person_id}"


def kept_days() -> int:
    """Returns the retention period of the history in days."""
    days: Any = settings.LEDGER_KEEP_QUERIES_DAYS
    return int(days)
