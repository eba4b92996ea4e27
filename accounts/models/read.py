"""The read log: one row for each page that showed a user other people's data."""

from typing import Any, ClassVar, Self

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils import timezone

from accounts.models.author_triggers import NEEDS_PROOF
from accounts.models.user import User
from accounts.shown import add_unnamed
from ledger.db.history.register import EMPTIED, registered
from ledger.db.ids import uuid7
from ledger.db.triggers import CALLER, SESSION, FirmTrigger, refuse, stays

MAX_PEOPLE = 500  # per page
LONGEST_QUERY = 2_000  # characters; longer queries of staff and analysts are refused


# The web role may insert rows. This trigger sets the time, the reader's IP address and the page.
# The reader must be the person of the signed facts, see Note [Signed facts].
READ_IS_OF_NOW = FirmTrigger(
    name="read_is_of_now",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    definer=True,
    declare=[("facts", "jsonb := told_facts()")],
    func=f"""
        IF (facts ->> 'proved')::boolean AND NEW.reader_id = (facts ->> 'person')::uuid THEN
            NEW.address := coalesce(facts ->> 'address', '');
            NEW.path := coalesce(facts ->> 'path', '');
            NEW.request := coalesce(facts ->> 'request', '');
        ELSIF {NEEDS_PROOF}
        THEN
            {refuse("read_by_its_reader", "A read is logged for the person who is signed in.")}
        END IF;
        NEW.read_at := clock_timestamp();
        NEW.role := {CALLER};
        NEW.session := {SESSION};
        RETURN NEW;
    """,
)


class Read(models.Model):
    """A page that a staff member or analyst opened, with the people whose rows the page read. A row
    never changes.

    A trigger sets `read_at`, `role` and `session`. For the web role, the trigger also sets
    `address`, `path` and `request` from the signed facts, which must contain the reader.

    No other table refers to this table, so the owner of the tables can delete old rows by a range
    of `read_at`.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    read_at = models.DateTimeField(default=timezone.now)
    reader = models.ForeignKey(User, models.PROTECT, related_name="+")
    page = models.CharField(max_length=100, db_comment="The name of the URL")
    path = models.CharField(max_length=200)
    query = models.CharField(max_length=LONGEST_QUERY, blank=True)
    people = ArrayField(
        models.UUIDField(), db_comment=f"Whose rows were read, at most {MAX_PEOPLE}"
    )
    address = models.CharField(max_length=200)
    request = models.CharField(max_length=200, db_comment="As in the security log")
    role = models.CharField(max_length=63, default="", db_default="", db_comment="Of the database")
    session = models.CharField(
        max_length=60, default="", db_default="", db_comment="Of the database: process and address"
    )

    class Meta:
        db_table = "reads"
        db_table_comment = "Who read whose data; inserted once, never changed"
        default_permissions = ("view",)
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["-read_at", "-id"], name="reads_newest"),
            models.Index(fields=["reader", "-read_at"], name="reads_by_reader"),
            GinIndex(fields=["people"], name="reads_of_people"),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            READ_IS_OF_NOW,
            *registered(erased={"query": EMPTIED, "address": EMPTIED}),
            *stays("read_stays", "reads_stay", "The log of reads is never edited or deleted."),
        ]

    def __str__(self) -> str:
        return f"{self.path} by {self.reader_id}"

    @classmethod
    def from_db(cls, *arguments: Any, **options: Any) -> Self:
        """Creates the instance and reports it to the read log, see Note [Whose data]. The query
        string of a read may contain names.
        """
        add_unnamed()
        return super().from_db(*arguments, **options)
