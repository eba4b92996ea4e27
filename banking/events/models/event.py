"""The events of accounts that have an active webhook (the outbox).

Note [Events]: a trigger writes an event in the database transaction of the booking. So bookings and
events always agree, no matter which code books. The trigger writes at most one row per payment, and
no row if neither account has an active webhook.

The events of each account are numbered without gaps, in the order of booking. The trigger locks the
account's row in `event_streams` and increases its number, see Note [Lock of a stream]. A rollback
restores the number. So a reader that remembers the last number does not miss events. A reader that
remembers ids or times could miss the events of a database transaction that began earlier and
commits later.
"""

from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q

from accounts.models import Account, StatusChange
from banking.events.models import event_triggers
from transactions.models.event_kind import EventKind
from transactions.models.transaction import Transaction


class EventStream(models.Model):
    """The counter of an account's events: the number of the last event, and whether the account has
    an active webhook. Triggers write this table.
    """

    account = models.OneToOneField(
        Account, models.PROTECT, primary_key=True, related_name="event_stream"
    )
    last_number = models.BigIntegerField(default=0)
    is_listened = models.BooleanField(default=False)

    class Meta:
        db_table = "event_streams"
        db_table_comment = "The last number of each account's events; written by triggers"
        default_permissions = ()
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["account"], condition=Q(is_listened=True), name="event_streams_listened"
            )
        ]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.last_number:,} events"


class AccountEvent(models.Model):
    """An event of an account that has an active webhook, with its number. A payment between two
    such accounts is one event with two numbers, one for each account. Triggers write this table:
    see Note [Events].
    """

    pk = models.CompositePrimaryKey("account_id", "number")
    # The foreign keys have no constraints, because a constraint would cost a lookup for each event.
    # The rows always exist, because triggers write events from rows that refer to them.
    account = models.ForeignKey(
        Account, models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    number = models.BigIntegerField()
    other_account = models.ForeignKey(
        Account, models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False
    )
    other_number = models.BigIntegerField(null=True)
    kind = models.CharField(max_length=20, choices=EventKind.choices)
    transaction_id = models.UUIDField(null=True, db_comment="NULL for an event of the account")
    at = models.DateTimeField(
        db_comment="As the books say; of a released hold, when it was released"
    )

    class Meta:
        db_table = "events"
        db_table_comment = "What happened on accounts to which somebody listens"
        default_permissions = ()
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["other_account", "other_number"],
                condition=Q(other_account__isnull=False),
                name="events_of_other",
            )
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.number}: {self.kind}"


class ToldTransaction(Transaction):
    """A proxy model of Transaction with the triggers that write events."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            event_triggers.PAYMENTS_WRITE_EVENTS,
            event_triggers.RELEASES_WRITE_EVENTS,
        ]


class ToldAccount(Account):
    """A proxy model of Account with the trigger that writes an event when an account is opened."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers: ClassVar[list[pgtrigger.Trigger]] = [event_triggers.OPENING_WRITES_EVENT]


class ToldStatusChange(StatusChange):
    """A proxy model of StatusChange with the trigger that writes an event when an account's status
    changes.
    """

    class Meta:
        proxy = True
        default_permissions = ()
        triggers: ClassVar[list[pgtrigger.Trigger]] = [event_triggers.STATUS_WRITES_EVENT]
