"""Webhooks: URLs of people's programs to which the events of their accounts are sent.

Note [Webhook queues]: events are not copied for each webhook. Instead, each webhook has a queue for
each account of its owner: a row with the number of the last delivered event. So a booking writes
only one event for any number of webhooks, and a queue cannot miss an event. A worker claims a
webhook and all its queues until the time `claim_ends`. Until this time, no other worker sends to
the webhook, so the events of an account arrive in order. All webhooks of a person together use one
thread at a time, so receivers that do not answer cannot block more threads.
"""

from typing import ClassVar, Self
from urllib.parse import urlsplit

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Account, User
from banking.events.models.event_triggers import STREAMS_FOLLOW_WEBHOOKS
from ledger.db.ids import uuid7
from transactions.models.event_kind import EventKind

URL_LIMIT = 500  # maximum number of characters


class WebhookQuerySet(models.QuerySet["Webhook"]):
    def owned_by(self, person: User) -> Self:
        """Returns the webhooks of this person, newest first, without removed webhooks."""
        own = self.filter(owner=person).exclude(status=Webhook.Status.REMOVED)
        return own.order_by("-created_at", "-pk")


class Webhook(models.Model):
    """A webhook: the URL of a person's program. The events of all accounts of the person are sent
    to the URL.
    """

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"  # turned off by its owner
        DISABLED = "disabled", "Disabled"  # turned off because nothing could be delivered
        REMOVED = "removed", "Removed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(User, models.PROTECT, related_name="webhooks")
    url = models.CharField(max_length=URL_LIMIT)
    kinds = ArrayField(
        models.CharField(max_length=20, choices=EventKind.choices),
        db_comment="Which kinds of events it is told",
    )
    secrets = models.JSONField(
        default=list,
        db_comment="Encrypted with a key of SECRET_KEY, newest first; until when each counts",
    )
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ACTIVE)
    reason = models.CharField(
        max_length=200, blank=True, default="", db_comment="Why it was disabled, for its owner"
    )
    created_at = models.DateTimeField(default=timezone.now)
    # These columns are written by the worker that delivers events.
    claimed_by = models.CharField(max_length=100, blank=True, default="")
    claim_ends = models.DateTimeField(null=True, blank=True)
    paused_until = models.DateTimeField(
        null=True, blank=True, db_comment="Before that the receiver is left alone"
    )
    slow_until = models.DateTimeField(
        null=True, blank=True, db_comment="Before that it waits behind quick receivers"
    )

    objects = WebhookQuerySet.as_manager()

    class Meta:
        db_table = "webhooks"
        db_table_comment = "Addresses of people's own programs, told what happens on their accounts"
        default_permissions = ()
        triggers: ClassVar[list[pgtrigger.Trigger]] = [STREAMS_FOLLOW_WEBHOOKS]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["claim_ends"], condition=Q(status="active"), name="webhooks_active"
            )
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="webhook_status_valid",
                condition=Q(status__in=["active", "paused", "disabled", "removed"]),
                violation_error_message="A webhook is active, paused, disabled or removed.",
            )
        ]

    def __str__(self) -> str:
        return self.url

    @property
    def is_active(self) -> bool:
        return self.status == self.Status.ACTIVE

    @property
    def host(self) -> str:
        """The host of the URL. Headings show the host, because the whole URL may be too long."""
        return urlsplit(self.url).hostname or self.url

    def remove(self) -> None:
        """Removes the webhook permanently and deletes its secrets. Must be called in a database
        transaction.
        """
        self.status, self.secrets = self.Status.REMOVED, []
        self.save(update_fields=["status", "secrets"])


class WebhookQueue(models.Model):
    """The progress of one webhook in the events of one account: the number of the last delivered
    event, and the state of the next event.
    """

    pk = models.CompositePrimaryKey("webhook_id", "account_id")
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="queues", db_index=False)
    account = models.ForeignKey(Account, models.PROTECT, related_name="+")
    position = models.BigIntegerField(db_comment="The last number that was delivered or left out")
    attempts = models.IntegerField(default=0, db_comment="At the next event, all failed")
    failing_since = models.DateTimeField(null=True, blank=True)
    next_at = models.DateTimeField(null=True, blank=True, db_comment="NULL: at once")

    class Meta:
        db_table = "webhook_queues"
        db_table_comment = "How far each webhook was told of the events of each account"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.webhook_id} {self.account_id}: {self.position}"


class WebhookDelivery(models.Model):
    """One event that is sent, or was sent, to one webhook. Its id is the same in each attempt."""

    class Status(models.TextChoices):
        SENDING = "sending", "Being sent"
        FAILED = "failed", "Failed"
        DELIVERED = "delivered", "Delivered"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries", db_index=False)
    account = models.ForeignKey(
        Account, models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    number = models.BigIntegerField(db_comment="Of the event, on this account")
    kind = models.CharField(max_length=20, choices=EventKind.choices)
    transaction_id = models.UUIDField(null=True)
    at = models.DateTimeField(db_comment="Of the event")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.SENDING)
    attempts = models.IntegerField(default=0)
    answer_code = models.IntegerField(null=True, db_comment="HTTP status; NULL without an answer")
    error = models.CharField(max_length=200, blank=True, default="")
    tried_at = models.DateTimeField(null=True)
    seconds = models.FloatField(null=True, db_comment="How long the last attempt took")
    again_at = models.DateTimeField(null=True, db_comment="Its owner wants it sent again")

    class Meta:
        db_table = "webhook_deliveries"
        db_table_comment = "What was sent to webhooks, and what they answered"
        default_permissions = ()
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["webhook", "account", "number"],
                name="event_delivered_under_one_id",
                violation_error_message="A webhook gets an event under one id.",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["webhook", "tried_at"], name="deliveries_of_webhook"),
            models.Index(
                fields=["webhook"], condition=Q(again_at__isnull=False), name="deliveries_again"
            ),
            models.Index(fields=["tried_at"], name="deliveries_tried"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.webhook_id}: {self.status}"
