"""What happened on accounts to which somebody listens: the outbox.

Note [Events]: a trigger writes an event in the database transaction that books it, so there is no
event without its booking and no booking without its event, whatever code books. It writes one row
a transaction at most, and none for accounts to which nobody listens.

Each account numbers its events without gaps, in the order of its books: the row in `event_streams`
is locked and counted up, see Note [Lock of a stream], and a rollback takes the number back. So a
reader that remembers the last number it has seen misses nothing, which a reader of ids or times
would when a database transaction that began earlier commits later.
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
    """The last number of an account's events, and whether anybody listens. Triggers write it."""

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
    """One event, with its number on each account that listens: a payment between two of them is
    one row. Triggers write it: see Note [Events].
    """

    pk = models.CompositePrimaryKey("account_id", "number")
    # Both are there because triggers write them from rows that have them: checking again would
    # cost a lookup for each event.
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
    """Transactions, as a proxy that carries the triggers of events."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            event_triggers.ROWS_ARE_TOLD,
            event_triggers.RELEASES_ARE_TOLD,
        ]


class ToldAccount(Account):
    """Accounts, as a proxy that carries a trigger of events."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers: ClassVar[list[pgtrigger.Trigger]] = [event_triggers.OPENING_IS_TOLD]


class ToldStatusChange(StatusChange):
    """Changes of the status of accounts, as a proxy that carries a trigger of events."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers: ClassVar[list[pgtrigger.Trigger]] = [event_triggers.STATUS_IS_TOLD]
