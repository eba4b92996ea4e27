"""Standing orders (payments that a person has ordered for later days), and the result of each day.

Note [Dates of an order]: the payment at `position` (0 is the first) is due on the first day plus
`position` weeks, months, quarters or years. Each day is calculated from the first day. So a monthly
order that begins on the 31st is due on the last day of each month. Postgres calculates in the same
way when it adds months to a date. `next_on` is a generated column, so it always agrees with the
other columns.
"""

import uuid
from calendar import monthrange
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, ClassVar, Self

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import Account, MoneyField, User
from accounts.shown import add, add_accounts
from ledger.db.history.register import EMPTIED, ByRule, registered
from ledger.text.dates import long_date
from transactions.models.transaction import DESCRIPTION_LIMIT, REFERENCE_LIMIT, Transaction

MAX_TIMES = 1000
WHY_LIMIT = 300  # maximum number of characters
MONTHS = {"month": 1, "quarter": 3, "year": 12}


class Every(models.TextChoices):
    """The interval between the payments of a standing order."""

    ONCE = "once", "Once"
    WEEK = "week", "Every week"
    MONTH = "month", "Every month"
    QUARTER = "quarter", "Every three months"
    YEAR = "year", "Every year"


def due_on(first_on: date, every: str, position: int) -> date:
    """Returns the day on which the payment at this position is due. See Note [Dates of an order].

    Raises: OverflowError after the year 9999.

    >>> due_on(date(2027, 1, 31), "month", 1)
    datetime.date(2027, 2, 28)
    """
    if every not in MONTHS:
        return first_on + timedelta(weeks=position)
    months = first_on.month - 1 + position * MONTHS[every]
    year, month = first_on.year + months // 12, months % 12 + 1
    if year > date.max.year:
        raise OverflowError("the day is past the last year of the calendar")
    return date(year, month, min(first_on.day, monthrange(year, month)[1]))


class DueOn(models.Func):
    """The SQL expression for `due_on`, with the columns `first_on`, `every` and `position`."""

    output_field = models.DateField()
    template = (
        "CASE every WHEN 'month' THEN (first_on + make_interval(months => position))::date"
        " WHEN 'quarter' THEN (first_on + make_interval(months => position * 3))::date"
        " WHEN 'year' THEN (first_on + make_interval(months => position * 12))::date"
        " ELSE first_on + position * 7 END"
    )


class StandingOrderQuerySet(models.QuerySet["StandingOrder"]):
    def owned_by(self, person: User) -> Self:
        return self.filter(owner=person)

    def active(self) -> Self:
        return self.filter(status=StandingOrder.Status.ACTIVE)

    def not_ended(self) -> Self:
        return self.exclude(status=StandingOrder.Status.ENDED)

    def with_accounts(self) -> Self:
        """Loads both accounts of each order, and the recipient, in the same query."""
        return self.select_related("from_account", "to_account__user")

    def in_order(self) -> Self:
        """Sorts the orders by their next day, earliest first."""
        return self.order_by("next_on", "pk")


# The columns that change after each payment or by actions of the owner. The row digest includes all
# other columns.
PROGRESS = ("position", "status", "ended_why", "refused_at", "refused_why")
# The database setting with the id of the order whose amount is being changed in this transaction.
CHANGES_AMOUNT = "ledger.changes_amount_of"
CHANGES_THIS_AMOUNT = f"current_setting('{CHANGES_AMOUNT}', true) = NEW.id::text"


class StandingOrder(models.Model):
    """A standing order: a payment to one account, once or repeated. A repeated order can end on a
    day or after a number of payments.
    """

    class Status(models.TextChoices):
        """The status of an order. A paused order pays nothing until it is resumed. An ended order
        never pays again.
        """

        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"
        ENDED = "ended", "Ended"

    id = models.UUIDField(primary_key=True, editable=False)
    owner = models.ForeignKey(User, models.PROTECT, related_name="+")
    from_account = models.ForeignKey(Account, models.PROTECT, related_name="+", db_index=False)
    to_account = models.ForeignKey(Account, models.PROTECT, related_name="+", db_index=False)
    amount = MoneyField()
    description = models.CharField(max_length=DESCRIPTION_LIMIT, blank=True)
    reference = models.CharField(max_length=REFERENCE_LIMIT, blank=True)
    every = models.CharField(max_length=10, choices=Every.choices)
    first_on = models.DateField(db_comment="In the bank's time zone, as all days of an order")
    last_on = models.DateField(null=True, blank=True, db_comment="No payment is due after it")
    times = models.IntegerField(
        null=True, blank=True, db_comment="Days that are due in all, skipped ones too"
    )
    position = models.PositiveIntegerField(
        default=0, db_comment="Days that were paid, refused for good, or skipped"
    )
    next_on = models.GeneratedField(
        expression=DueOn(), output_field=models.DateField(), db_persist=True
    )
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ACTIVE)
    ended_why = models.CharField(max_length=WHY_LIMIT, blank=True)
    refused_at = models.DateTimeField(
        null=True, blank=True, db_comment="When the next payment was refused first"
    )
    refused_why = models.CharField(max_length=WHY_LIMIT, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = StandingOrderQuerySet.as_manager()

    class Meta:
        db_table = "standing_orders"
        db_table_comment = "Payments that people have ordered for days to come"
        default_permissions = ("view",)  # only its owner can change it; staff can end it
        permissions = [("end_standing_orders", "Can end standing orders of customers")]
        triggers: ClassVar[list[pgtrigger.Trigger]] = registered(
            about=lambda row: f"{row}.from_account_id",
            undigested=PROGRESS,
            erased={"description": EMPTIED, "reference": EMPTIED},
            by_rule=ByRule(["amount"], CHANGES_THIS_AMOUNT),
        )
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["next_on", "id"], name="standing_order_due", condition=Q(status="active")
            ),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="standing_order_amount_positive",
                condition=Q(amount__gt=0),
                violation_error_message="The amount is above zero.",
            ),
            models.CheckConstraint(
                name="standing_order_sides_differ",
                condition=~Q(from_account=F("to_account")),
                violation_error_message="Money moves between two different accounts.",
            ),
            models.CheckConstraint(
                name="standing_order_every_valid",
                condition=Q(every__in=Every.values),
                violation_error_message="It pays once, or every week, month, quarter or year.",
            ),
            models.CheckConstraint(
                name="standing_order_status_valid",
                condition=Q(status__in=["active", "paused", "ended"]),
                violation_error_message="An order is active, paused or ended.",
            ),
            models.CheckConstraint(
                name="standing_order_has_one_end",
                condition=Q(last_on=None) | Q(times=None),
                violation_error_message="It ends on a day or after a number of times.",
            ),
            models.CheckConstraint(
                name="standing_order_times_valid",
                condition=(Q(times=None) | Q(times__range=(1, MAX_TIMES)))
                & (~Q(every="once") | Q(times=1, times__isnull=False)),
                violation_error_message=f"It pays from once to {MAX_TIMES:,} times.",
            ),
            models.CheckConstraint(
                name="standing_order_is_due",
                condition=Q(status="ended")
                | (
                    (Q(times=None) | Q(position__lt=F("times")))
                    & (Q(last_on=None) | Q(next_on__lte=F("last_on")))
                ),
                violation_error_message="An order past its end is ended.",
            ),
        ]

    def __str__(self) -> str:
        if self.every == Every.ONCE:
            return f"Once, on {long_date(self.first_on)}"
        return f"{self.get_every_display()} from {long_date(self.first_on)}"

    @classmethod
    def from_db(cls, *arguments: Any, **options: Any) -> Self:
        """Returns the row, and records that the owner and the accounts were read. See Note [Whose
        data].
        """
        order = super().from_db(*arguments, **options)
        add(order.__dict__.get("owner_id"))
        add_accounts(order.__dict__.get("from_account_id"), order.__dict__.get("to_account_id"))
        return order

    @property
    def currency(self) -> str:
        """The currency of both accounts."""
        currency: str = self.from_account.currency
        return currency

    @property
    def is_active(self) -> bool:
        return self.status == self.Status.ACTIVE

    @property
    def is_paused(self) -> bool:
        return self.status == self.Status.PAUSED

    @property
    def is_ended(self) -> bool:
        return self.status == self.Status.ENDED

    @property
    def tried_until(self) -> date | None:
        """The day of the first refusal of the next payment, or None if the next payment was not
        refused. The payment is tried until the end of this day, and once more on the next day.
        """
        return timezone.localdate(self.refused_at) if self.refused_at else None

    @property
    def left(self) -> int | None:
        """The number of payments that are still due, or None if the number of payments is not
        limited.
        """
        return None if self.times is None else self.times - self.position

    def days_from(self, position: int) -> Iterator[date]:
        """Yields the due days, beginning with the payment at `position`. If the order has no end,
        the days do not end either.
        """
        while self.is_within(position):
            yield due_on(self.first_on, self.every, position)
            position += 1

    def is_within(self, position: int) -> bool:
        """Returns whether the order has a payment at this position. Returns False after the end of
        the order.
        """
        if self.times is not None and position >= self.times:
            return False
        try:
            day = due_on(self.first_on, self.every, position)
        except OverflowError:
            return False
        return self.last_on is None or day <= self.last_on


def id_of_occurrence(order: uuid.UUID, day: date) -> uuid.UUID:
    """Returns the id of an Occurrence (the result of a day of an order): a hash of the order and
    the day. So each day can have only one result, without a unique index over the whole table.
    """
    return uuid.uuid5(order, day.isoformat())


class Occurrence(models.Model):
    """The result of one day of a standing order: paid, refused after the last attempt, or
    skipped.
    """

    class DayOutcome(models.TextChoices):
        """The possible results of a day. REFUSED is stored only after the last attempt."""

        PAID = "paid", "Paid"
        REFUSED = "refused", "Not paid"
        SKIPPED = "skipped", "Skipped"

    id = models.UUIDField(
        primary_key=True, editable=False, db_comment="Made of the order and the day"
    )
    order = models.ForeignKey(StandingOrder, models.PROTECT, related_name="occurrences")
    due_on = models.DateField()
    outcome = models.CharField(max_length=10, choices=DayOutcome.choices)
    transaction = models.ForeignKey(
        Transaction, models.PROTECT, related_name="+", null=True, blank=True
    )
    reason = models.CharField(max_length=WHY_LIMIT, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "standing_order_days"
        db_table_comment = "What became of each day that a standing order was due on"
        default_permissions = ()
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="standing_order_day_outcome_valid",
                condition=Q(outcome__in=["paid", "refused", "skipped"]),
                violation_error_message="A day was paid, refused or skipped.",
            ),
            models.CheckConstraint(
                name="standing_order_day_paid_by_a_transaction",
                condition=Q(outcome="paid", transaction__isnull=False)
                | (~Q(outcome="paid") & Q(transaction=None)),
                violation_error_message="A paid day names its transaction, and no other does.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.due_on}: {self.get_outcome_display()}"
