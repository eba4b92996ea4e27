"""The kinds of alerts that people choose, and the alerts of each person.

Note [Alerts]: a trigger writes the alerts of an event in the database transaction of the event.
Each person who has chosen this kind of alert gets an alert. So events and alerts always agree, no
matter which code books a payment. The id of an alert is made from its kind, its person and its
event, so an event cannot cause the same alert twice. The job `send_alerts` writes the alerts about
the coming days: a hold will expire, or an account will have too little money for a standing order.
Their ids have the same form.

Note [Mails of alerts]: before a worker sends an email, the worker claims the alerts of this email:
it writes an id into their `mail_id` and commits. The Message-ID is made from this id. If a worker
crashes after the email was sent and before the alerts were marked, another worker sends the same
alerts again with the same Message-ID. So an email may arrive twice, but is never lost.
"""

import hashlib
import uuid
from datetime import date, time
from typing import ClassVar, Self

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Account, MoneyField, User
from banking.alerts import triggers as alert_triggers
from banking.standing_orders.models import Occurrence, StandingOrder
from ledger.db.ids import uuid7
from transactions.models.transaction import Transaction

DETAIL_LIMIT = 320  # maximum number of characters


class AlertKind(models.TextChoices):
    """The kinds of alerts that a person can choose."""

    MONEY_IN = "money_in", "Money in"
    MONEY_OUT = "money_out", "Money out"
    BALANCE_BELOW = "balance_below", "Low balance"
    ORDER_FAILED = "order_failed", "Standing order not paid"
    ORDER_LACKS = "order_lacks", "Too little money for a standing order"
    HOLD_EXPIRING = "hold_expiring", "Hold about to expire"
    NEW_DEVICE = "new_device", "Sign-in from a new device"

    @property
    def is_of_account(self) -> bool:
        """Whether the person must choose an account and an amount for alerts of this kind."""
        return self in (self.MONEY_IN, self.MONEY_OUT, self.BALANCE_BELOW)


ACCOUNT_KINDS = [kind.value for kind in AlertKind if kind.is_of_account]


class AlertMail(models.TextChoices):
    """A choice of whether and when Ledger sends an alert by email."""

    OFF = "off", "No mail"
    NOW = "now", "A mail at once"
    DAILY = "daily", "In one mail a day"


class AlertChoiceQuerySet(models.QuerySet["AlertChoice"]):
    def owned_by(self, person: User) -> Self:
        return self.filter(owner=person)


class AlertQuerySet(models.QuerySet["Alert"]):
    def owned_by(self, person: User) -> Self:
        return self.filter(owner=person)

    def unread(self) -> Self:
        return self.filter(read_at=None)

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-pk")


def id_of_choice(owner: uuid.UUID, kind: str, account: uuid.UUID | None) -> uuid.UUID:
    """Returns the id of a choice: a hash of the person, the kind and the account. So only one
    choice can exist for each combination.
    """
    return uuid.uuid5(owner, f"alert {kind} {account or ''}")


def id_of_alert(kind: str, owner: uuid.UUID, about: uuid.UUID, day: date | None) -> uuid.UUID:
    """Returns the id of an alert. The triggers calculate the same id: see Note [Alerts]."""
    text = f"alert {kind} {owner} {about} {day or ''}"
    return uuid.UUID(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest())


class AlertChoice(models.Model):
    """A person's choice of one kind of alert. Choices about money also have an account and an
    amount.
    """

    id = models.UUIDField(
        primary_key=True, editable=False, db_comment="Made of owner, kind and account"
    )
    owner = models.ForeignKey(User, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20, choices=AlertKind.choices)
    account = models.ForeignKey(
        Account, models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    amount = MoneyField(null=True, blank=True, db_comment="Told above it; of a balance, below it")
    mail = models.CharField(max_length=10, choices=AlertMail.choices, default=AlertMail.OFF)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = AlertChoiceQuerySet.as_manager()

    class Meta:
        db_table = "alert_choices"
        db_table_comment = "What people want to be told of"
        default_permissions = ()  # no permissions: only its owner can see it, regardless of roles
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["account"], name="alert_choices_of_account", condition=~Q(account=None)
            )
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="alert_choice_kind_valid",
                condition=Q(kind__in=AlertKind.values),
                violation_error_message="There is no such alert.",
            ),
            models.CheckConstraint(
                name="alert_choice_mail_valid",
                condition=Q(mail__in=AlertMail.values),
                violation_error_message="An alert is mailed at once, daily, or not.",
            ),
            models.CheckConstraint(
                name="alert_choice_complete",
                condition=Q(kind__in=ACCOUNT_KINDS, account__isnull=False, amount__gte=0)
                & Q(amount__isnull=False)
                | ~Q(kind__in=ACCOUNT_KINDS) & Q(account=None, amount=None),
                violation_error_message="An alert of money has an account and an amount.",
            ),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()


class Alert(models.Model):
    """An alert for a person. Triggers and a job write this table: see Note [Alerts]."""

    id = models.UUIDField(
        primary_key=True, default=uuid7, editable=False,
        db_comment="Made of kind, owner, event and day",
    )  # fmt: skip
    # The foreign keys have no constraints, because a constraint would cost a lookup for each
    # payment. The rows always exist, because alerts are written from rows that refer to them.
    owner = models.ForeignKey(
        User, models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    account = models.ForeignKey(
        Account, models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False
    )
    kind = models.CharField(max_length=20, choices=AlertKind.choices)
    about = models.UUIDField(db_comment="The transaction, standing order or sign-in")
    day = models.DateField(null=True, db_comment="Of a standing order, or on which a hold expires")
    amount = MoneyField(
        null=True, db_comment="What moved or is missing; of a balance, what it is below"
    )
    balance = MoneyField(null=True, db_comment="The booked balance after the payment")
    detail = models.CharField(max_length=DETAIL_LIMIT, db_default="", default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    read_at = models.DateTimeField(null=True)
    mail = models.CharField(max_length=10, choices=AlertMail.choices, default=AlertMail.OFF)
    mail_id = models.UUIDField(null=True, db_comment="Of the mail in which it is sent")
    mail_claim_ends = models.DateTimeField(
        null=True, db_comment="Before that no other worker sends the mail"
    )
    mail_attempts = models.IntegerField(db_default=0, default=0)
    mailed_at = models.DateTimeField(null=True)

    objects = AlertQuerySet.as_manager()

    class Meta:
        db_table = "alerts"
        db_table_comment = "What people were told of; written in the commit that causes it"
        default_permissions = ()
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["owner", "-created_at", "-id"], name="alerts_of_owner"),
            models.Index(fields=["owner"], name="alerts_unread", condition=Q(read_at=None)),
            models.Index(
                fields=["owner", "kind"], name="alerts_to_mail",
                condition=Q(mailed_at=None) & ~Q(mail="off"),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.get_kind_display()


class AlertTimes(models.Model):
    """The times at which a person wants emails of alerts, in the bank's time zone."""

    owner = models.OneToOneField(User, models.PROTECT, primary_key=True, related_name="+")
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    daily_at = models.TimeField(default=time(8))

    class Meta:
        db_table = "alert_times"
        db_table_comment = "When people want mails of alerts, in the bank's time zone"
        default_permissions = ()
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="alert_times_quiet",
                condition=Q(quiet_from=None, quiet_until=None)
                | Q(quiet_from__isnull=False, quiet_until__isnull=False)
                & ~Q(quiet_from=models.F("quiet_until")),
                violation_error_message="Quiet hours begin and end, at different times.",
            ),
        ]

    def __str__(self) -> str:
        return f"Daily at {self.daily_at:%H:%M}"


class AlertedTransaction(Transaction):
    """A proxy model of Transaction with the trigger that writes alerts for payments."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers: ClassVar[list[pgtrigger.Trigger]] = [alert_triggers.PAYMENTS_ARE_ALERTED]


class AlertedOrder(StandingOrder):
    """A proxy model of StandingOrder with the trigger that writes alerts for refused payments."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers: ClassVar[list[pgtrigger.Trigger]] = [alert_triggers.REFUSALS_ARE_ALERTED]


class AlertedOccurrence(Occurrence):
    """A proxy model of Occurrence with the trigger that writes alerts. The trigger writes an alert
    when "refused" is stored as the result of a standing order's day.
    """

    class Meta:
        proxy = True
        default_permissions = ()
        triggers: ClassVar[list[pgtrigger.Trigger]] = [alert_triggers.DAYS_ARE_ALERTED]
