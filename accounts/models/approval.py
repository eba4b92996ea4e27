"""Models of approvals: thresholds, daily sums, and requests that another person decides."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple, Self, TypeAlias

import pgtrigger
from django.db import models
from django.db.models import F, Q, Window
from django.db.models.functions import RowNumber
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts.erased import FILE_NAME
from accounts.models import approval_triggers, limit_triggers
from accounts.models.account import LIMITS, Account, paid_close_to
from accounts.models.change_triggers import recorded
from accounts.models.fields import MoneyField
from accounts.models.user import User
from accounts.shown import add, add_accounts
from ledger.db.history.register import A_UUID, EMPTIED, ByRule, registered
from ledger.db.ids import uuid7
from ledger.db.json_numbers import ExactJSONField

NEWS_LAST = timedelta(days=7)  # how long the home page shows the result to the requester
# The longest time until a request expires; the setting allows 720 hours
LONGEST = timedelta(days=31)


# These texts may be erased: the message to the customer, and the name of a file. The audit compares
# the other parameters with the booked row.
_TEXTS = "'{{message,description}}'::text[]"
WITHOUT_TEXTS = f"""({{new}} - {_TEXTS} = {{old}} - {_TEXTS}
    AND coalesce({{new}}->>'message', '') IN (coalesce({{old}}->>'message', ''), '')
    AND coalesce({{new}}->>'description', '')
        IN (coalesce({{old}}->>'description', ''), '{FILE_NAME}'))"""


class RequestKind(models.TextChoices):
    """The kinds of requests. PERMISSIONS_TO_ASK contains the permission to make each kind of
    request. The list is closed, because a trigger checks the permission.
    """

    DEPOSIT = "deposit", "Cash deposit"
    WITHDRAWAL = "withdrawal", "Cash withdrawal"
    REFUND = "refund", "Refund"
    HOLD = "hold", "Hold"
    CAPTURE = "capture", "Capture"
    LIMITS = "limits", "Limits"
    PAYMENT_FILE = "payment_file", "Payment file"
    GROUP = "group", "Group"


class LimitAsked(NamedTuple):
    """A limit that a request changes. None means "no limit"."""

    name: str
    label: str
    before: Decimal | None
    after: Decimal | None


class ApprovalThreshold(models.Model):
    """The amount in a currency that one clerk may move in a day without approval.

    `migrate` writes these rows from the setting LEDGER_FOUR_EYES_OVER. The history contains each
    change, so the audit knows the threshold at any earlier time.
    """

    currency = models.CharField(primary_key=True, max_length=3, db_comment="* for all others")
    amount = MoneyField()

    class Meta:
        db_table = "approval_thresholds"
        db_table_comment = "What staff do alone in a day; without rows, no rule applies"
        default_permissions = ()
        triggers: ClassVar[list[pgtrigger.Trigger]] = recorded(
            "approval_thresholds",
            {"currency": "{row}.currency", "amount": "{row}.amount::text"},
            "currency",
            "amount",
            about="{row}.currency",
        )

    def __str__(self) -> str:
        return f"{self.currency} {self.amount}"


class StaffSum(models.Model):
    """The sum of a day's actions without approval, by one clerk or on one account.

    `share` is a fraction of the threshold, so that amounts in different currencies can be added. At
    COMMIT, `share` must not exceed 1. Only triggers write these rows, see Note [Four eyes].
    """

    key = models.CharField(
        primary_key=True, max_length=80, db_comment="Day in UTC, money or limits, whose"
    )
    share = models.DecimalField(max_digits=40, decimal_places=12)

    class Meta:
        db_table = "staff_sums"
        db_table_comment = "What was done alone in a day, as a part of the threshold"
        default_permissions = ()
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            *approval_triggers.OF_SUMS,
            *registered(
                about=lambda row: f"substring({row}.key from ' account ({A_UUID})$')::uuid",
                undigested=["share"],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.share}"


class ApprovalQuerySet(models.QuerySet["ApprovalRequest"]):
    def waiting(self) -> Self:
        """Filters to requests that can still be decided. The oldest request is first."""
        now = timezone.now()
        return self.filter(status="pending", expires_at__gt=now).order_by("requested_at")

    def usable(self) -> Self:
        """Filters to approved requests whose action has not been done yet and can still be done."""
        return self.filter(status="approved", expires_at__gt=timezone.now())

    def open_for(self, action: uuid.UUID) -> Self:
        """Filters to the open requests for the row or file with the id `action`. An open request is
        pending, or approved but not done, and has not expired.
        """
        now = timezone.now()
        open_states = ["pending", "approved"]
        return self.filter(transaction_id=action, status__in=open_states, expires_at__gt=now)

    def news_of(self, person: User) -> Self:
        """Filters to this person's open requests, and to requests that were decided or expired in
        the last seven days. Also loads the person who decided. The newest request is first.
        """
        since = timezone.now() - NEWS_LAST
        fresh = Q(status__in=["pending", "approved"], expires_at__gt=since)
        fresh |= Q(status__in=["declined", "done"], decided_at__gt=since)
        mine = self.filter(fresh, requested_by=person).select_related("decided_by")
        return mine.order_by("-requested_at")

    def with_people(self) -> Self:
        """Loads related rows in the same query: the accounts and their owners, the requester, the
        person who decided, and the person who will be added to a group.
        """
        return self.select_related(
            "from_account__user", "to_account__user", "requested_by", "decided_by", "person"
        )

    def for_eyes_of(self, reader: User) -> Self:
        """Filters to the requests that this user may read. Users who may not see accounts may read
        only their own requests.
        """
        return (
            self if reader.has_perm("accounts.view_account") else self.filter(requested_by=reader)
        )


class ApprovalRequest(models.Model):
    """A request of staff that another person approves or declines. The requested action exceeds the
    threshold, or adds `person` to a group: see Note [Rights by two].

    `transaction_id` is the id of the row that the action writes, so an approval can be used only
    once. For a group, the id is derived from the person and the group. `parameters` contains the
    other values of the action. The database compares the action with all of these columns.
    """

    Kind: TypeAlias = RequestKind

    class Status(models.TextChoices):
        PENDING = "pending", "Waiting"
        APPROVED = "approved", "Approved, not done"
        DECLINED = "declined", "Declined"
        WITHDRAWN = "withdrawn", "Withdrawn"
        DONE = "done", "Done"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    transaction_id = models.UUIDField(
        db_index=True, db_comment="Of the row that the action writes; of a file, the id of the file"
    )
    person = models.ForeignKey(
        User, models.PROTECT, null=True, related_name="+", db_comment="Who is put into a group"
    )
    from_account = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    to_account = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    amount = MoneyField(max_digits=24, db_comment="Of limits: by how much they are raised")
    currency = models.CharField(max_length=3)
    parameters = ExactJSONField(default=dict, db_comment="The other contents of the action")
    reason = models.CharField(max_length=500)
    requested_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    decided_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=500, blank=True, default="")
    used_at = models.DateTimeField(null=True)
    used_amount = MoneyField(max_digits=24, default=Decimal(0))

    objects = ApprovalQuerySet.as_manager()

    class Meta:
        db_table = "approval_requests"
        db_table_comment = "What staff asked another person to approve; only the decision is added"
        default_permissions = ("view",)
        permissions = [("decide_approvals", "Can approve or decline what colleagues ask for")]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["-requested_at"], name="approval_requests_newest"),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            *approval_triggers.OF_REQUESTS,
            *registered(
                erased={"reason": EMPTIED, "note": EMPTIED, "parameters": WITHOUT_TEXTS},
                by_rule=ByRule(approval_triggers.DECISION, approval_triggers.CHANGES_BY_DECISION),
            ),
            limit_triggers.REQUEST_FOR_LIMITS,
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="approval_by_another_person",
                condition=Q(decided_by=None) | ~Q(decided_by=F("requested_by")),
                violation_error_message="Nobody decides what they asked for themselves.",
            ),
            models.CheckConstraint(
                name="approval_status_valid",
                condition=Q(status__in=["pending", "withdrawn"], decided_by=None, decided_at=None)
                | Q(
                    status__in=["approved", "declined", "done"],
                    decided_by__isnull=False,
                    decided_at__isnull=False,
                ),
                violation_error_message="A decision names who decided, and when.",
            ),
            models.CheckConstraint(
                name="approval_done_is_used",
                condition=~Q(status="done") | Q(used_at__isnull=False),
                violation_error_message="What is done was used at some time.",
            ),
            models.CheckConstraint(
                name="approval_expires",
                condition=Q(expires_at__lte=F("requested_at") + LONGEST),
                violation_error_message="A request waits for at most 31 days.",
            ),
            models.CheckConstraint(
                name="approval_kind_valid",
                condition=Q(kind__in=RequestKind.values),
                violation_error_message="There is no such action.",
            ),
            models.CheckConstraint(
                name="approval_within_request",
                condition=Q(used_amount__gte=0, used_amount__lte=F("amount")),
                violation_error_message="No more is done than was approved.",
            ),
            models.CheckConstraint(
                name="approval_names_person",
                condition=Q(kind="group", person__isnull=False) | ~Q(kind="group") & Q(person=None),
                violation_error_message="A request for a group says who gets it; no other does.",
            ),
        ]

    def __str__(self) -> str:
        what = self.group or f"{self.amount} {self.currency}"
        return f"{self.get_kind_display()}, {what}"

    @classmethod
    def from_db(cls, *arguments: Any, **options: Any) -> Self:
        """Creates the instance. Records its accounts and `person` for the read log, see Note [Whose
        data].
        """
        request = super().from_db(*arguments, **options)
        add(request.__dict__.get("person_id"))
        add_accounts(*(request.__dict__.get(f"{side}_account_id") for side in ("from", "to")))
        return request

    @property
    def is_expired(self) -> bool:
        """Whether the request expired before it was decided, or before its action was done."""
        return self.status in ("pending", "approved") and self.expires_at <= timezone.now()

    @property
    def status_label(self) -> str:
        return "Expired" if self.is_expired else str(self.Status(self.status).label)

    @property
    def permission_to_ask(self) -> str:
        """The permission that the requester must have while the request is open."""
        return approval_triggers.PERMISSIONS_TO_ASK[self.kind]

    @property
    def reason_in_history(self) -> str:
        """The reason of the action in the history. The reason names the requester, because the
        author in the history is the person who approved.
        """
        return f"{self.reason} (asked by {self.requested_by}, approved)"

    @property
    def group(self) -> str:
        """The name of the group to which the request adds the person, or ""."""
        return self.parameters["group"] if self.kind == self.Kind.GROUP else ""

    @property
    def limits(self) -> list[LimitAsked]:
        """The limits that the request changes. `before` is the limit at the time of the request."""
        before = self.parameters.get("before", {})
        return [
            LimitAsked(name, label, _decimal(before.get(name)), _decimal(self.parameters[name]))
            for name, label in LIMITS.items()
            if self.kind == self.Kind.LIMITS and name in self.parameters
        ]

    @property
    def is_outdated(self) -> bool:
        """Whether one of the limits has changed since the request was made."""
        account = self.from_account
        return any(getattr(account, limit.name) != limit.before for limit in self.limits)

    @property
    def held_until(self) -> datetime | None:
        """The time when the hold ends, or None if the request is not for a hold with an end."""
        stored = self.parameters.get("expires_at")
        return parse_datetime(stored) if stored else None

    @property
    def about_transaction(self) -> str:
        """The id of the transaction that the request refunds or captures, or ""."""
        return self.parameters.get("reverses") or self.parameters.get("captures") or ""

    @property
    def is_open(self) -> bool:
        """Whether the request can still be decided or done. Its status is then pending or approved,
        and it has not expired.
        """
        return self.status in ("pending", "approved") and not self.is_expired

    @property
    def is_blocked(self) -> bool:
        """Whether the action is currently impossible, because it moves money from a frozen
        account.
        """
        payer = self.from_account
        return self.kind != self.Kind.LIMITS and payer is not None and payer.is_frozen

    @property
    def accounts(self) -> list[Account]:
        return [each for each in (self.from_account, self.to_account) if each is not None]


class ApprovalPaymentQuerySet(models.QuerySet["ApprovalPayment"]):
    def of(self, requests: Iterable[ApprovalRequest]) -> Self:
        """Filters to the payments of these requests. Requests that were done or have expired also
        have payments.
        """
        return self.filter(request__in=[request.pk for request in requests])

    def paying_close_to(self, person: User) -> Self:
        """Filters to payments to this person or to the person's household."""
        return self.filter(paid_close_to(person))

    def largest(self, *, each: int) -> Self:
        """Filters to the largest payments of each request, at most `each` per request. Also loads
        the recipient's account and its owner.
        """
        place = Window(RowNumber(), partition_by="request", order_by=[F("amount").desc(), "pk"])
        largest = self.annotate(place=place).filter(place__lte=each)
        return largest.select_related("to_account__user").order_by("place")


class ApprovalPayment(models.Model):
    """One payment of a request with several payments: see Note [Payments of a request]. Only
    triggers write these rows.
    """

    id = models.UUIDField(
        primary_key=True, editable=False, db_comment="Made of the request and the payment"
    )
    # There is no foreign key, because the trigger copies the ids from rows that have foreign keys.
    # A foreign key would look up thousands of payments a second time.
    request = models.ForeignKey(
        ApprovalRequest, models.PROTECT, related_name="payments", db_constraint=False
    )
    payment_id = models.UUIDField(db_index=True, db_comment="The id that the transaction gets")
    to_account = models.ForeignKey(
        Account, models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    amount = MoneyField()

    objects = ApprovalPaymentQuerySet.as_manager()

    class Meta:
        db_table = "approval_payments"
        db_table_comment = "The payments of requests that are for many; written by triggers"
        default_permissions = ()
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            *approval_triggers.OF_PAYMENTS,
            *registered(),
        ]

    def __str__(self) -> str:
        return f"{self.amount} to {self.to_account_id}"

    @classmethod
    def from_db(cls, *arguments: Any, **options: Any) -> Self:
        """Creates the instance and records the recipient's account for the read log, see Note
        [Whose data].
        """
        payment = super().from_db(*arguments, **options)
        add_accounts(payment.__dict__.get("to_account_id"))
        return payment


def _decimal(stored: str | None) -> Decimal | None:
    return None if stored is None else Decimal(stored)
