"""Statements of settlement accounts, and the payments at this bank that match their lines.

A settlement account is usually this bank's account at another bank. This bank books payments on
such an account as deposits and withdrawals. A settlement account can also be an account at this
bank. The statement is then compared with the entries of the account.
"""

import uuid
from decimal import Decimal
from typing import Any, ClassVar, Self

import pgtrigger
from django.db import models
from django.db.models import Case, F, OuterRef, Q, Subquery, Sum, When
from django.db.models.functions import Abs, Coalesce
from django.utils import timezone

from accounts.models import Account, MoneyField, User
from accounts.shown import add_unnamed
from banking.outside.models import (
    DESCRIPTION_LIMIT,
    ID_LIMIT,
    OTHER_LIMIT,
    REFERENCE_LIMIT,
    OutsideImport,
)
from banking.reconciliation import triggers
from ledger.db.ids import uuid7, uuid7_of
from transactions.models.transaction import Transaction

REASON_LIMIT = 500  # maximum number of characters


class ReconciliationQuerySet(models.QuerySet["Reconciliation"]):
    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-pk")

    def unfrozen(self) -> Self:
        """Returns the reconciliations with no signature or only one signature."""
        return self.filter(countersigned_by=None)


class Reconciliation(models.Model):
    """An uploaded statement of a settlement account. See Note [Reconciliations]."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    account = models.ForeignKey(
        Account, models.PROTECT, null=True, related_name="+",
        db_comment="Of the books; empty: the deposits and withdrawals of the bank",
    )  # fmt: skip
    name = models.CharField(max_length=200, db_comment="Of the file, as uploaded")
    format = models.CharField(max_length=10, choices=OutsideImport.Format.choices)
    digest = models.CharField(max_length=64, db_comment="SHA-256 of the file")
    currency = models.CharField(max_length=3)
    first_on = models.DateField(db_comment="Day of the earliest line")
    last_on = models.DateField(db_comment="Day of the latest line")
    opening = MoneyField(null=True, db_comment="As the file says")
    closing = MoneyField(null=True, db_comment="As the file says")
    line_count = models.PositiveIntegerField()
    unbooked_count = models.PositiveIntegerField(
        default=0, db_default=0, db_comment="Lines left out: pending, or without money moved"
    )
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    signed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)
    signed_at = models.DateTimeField(null=True, db_comment="Set by a trigger")
    countersigned_by = models.ForeignKey(
        User, models.PROTECT, null=True, related_name="+", db_index=False,
        db_comment="Frozen from then on",
    )  # fmt: skip
    countersigned_at = models.DateTimeField(null=True, db_comment="Set by a trigger")

    objects = ReconciliationQuerySet.as_manager()

    class Meta:
        db_table = "reconciliations"
        db_table_comment = "Outside statements of settlement accounts, signed by two people"
        default_permissions = ("view",)
        permissions: ClassVar = [("reconcile", "Can match outside statements and sign them")]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="reconciliation_format_valid",
                condition=Q(format__in=OutsideImport.Format.values),
                violation_error_message="A file is CSV, OFX, QIF, camt.053 or MT940.",
            ),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            triggers.one_at_a_time("reconciled_one_at_a_time"),
            triggers.BEGINS_UNSIGNED,
            triggers.SIGNED_BY_TWO,
            triggers.NAME_STAYS,
            triggers.SIGNED_STAYS,
            triggers.FROZEN_IS_REGISTERED,
            triggers.never_emptied("reconciliations_stay"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def has_computed_opening(self) -> bool:
        """Whether files of this format contain no opening balance. The opening balance was then
        calculated from another balance and the lines.
        """
        formats = OutsideImport.Format
        return self.format in (formats.CSV, formats.OFX1, formats.OFX2)

    @property
    def is_signed(self) -> bool:
        return self.signed_by_id is not None

    @property
    def is_frozen(self) -> bool:
        return self.countersigned_by_id is not None

    @property
    def state(self) -> str:
        """The state as text: "Open", "Signed by one" or "Frozen"."""
        if self.is_frozen:
            return "Frozen"
        return "Signed by one" if self.is_signed else "Open"


class ReconciliationLineQuerySet(models.QuerySet["ReconciliationLine"]):
    def of(self, reconciliation: Reconciliation) -> Self:
        return self.filter(reconciliation=reconciliation)

    def with_matched(self) -> Self:
        """Adds `matched` to each line: the part of its amount that is matched with payments.
        `matched` is never negative.
        """
        of_line = ReconciliationMatch.objects.filter(line=OuterRef("pk")).order_by()
        total = of_line.values("line").annotate(total=Sum("amount")).values("total")
        return self.annotate(matched=Coalesce(Subquery(total), Decimal(0)))

    def unsettled(self) -> Self:
        """Returns the lines that are still open: at least a part of the amount is not matched with
        payments, and nobody has entered a reason for this part.
        """
        return self.with_matched().filter(leftover="").exclude(matched=Abs("amount"))


class ReconciliationLine(models.Model):
    """A line of a settlement account's statement."""

    matched: Decimal  # set by `with_matched`

    id = models.UUIDField(
        primary_key=True, editable=False, db_comment="Made of the file and the number"
    )
    reconciliation = models.ForeignKey(
        Reconciliation, models.PROTECT, related_name="lines", db_index=False
    )
    number = models.PositiveIntegerField(db_comment="Its place in the file")
    booked_on = models.DateField()
    amount = MoneyField(db_comment="Below zero: money out of the settlement account")
    description = models.CharField(max_length=DESCRIPTION_LIMIT, blank=True)
    other = models.CharField(max_length=OTHER_LIMIT, blank=True, db_comment="The other side's name")
    reference = models.CharField(max_length=REFERENCE_LIMIT, blank=True)
    outside_id = models.CharField(
        max_length=ID_LIMIT, blank=True, db_comment="The other bank's id of it"
    )
    leftover = models.CharField(
        max_length=REASON_LIMIT, blank=True,
        db_comment="Why what is not matched is not in the books",
    )  # fmt: skip

    objects = ReconciliationLineQuerySet.as_manager()

    class Meta:
        db_table = "reconciliation_lines"
        db_table_comment = "Lines of outside statements of settlement accounts"
        default_permissions = ()
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["reconciliation", "number"], name="reconciliation_lines_in_order"),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            triggers.one_at_a_time("lines_one_at_a_time"),
            triggers.LINES_COMPLETE,
            triggers.LINE_STAYS,
            triggers.LINE_TEXTS_STAY,
            triggers.never_emptied("reconciliation_lines_stay"),
        ]

    def __str__(self) -> str:
        return f"{self.booked_on}: {self.amount}"

    @classmethod
    def from_db(cls, *arguments: Any, **options: Any) -> Self:
        """Returns the row, and records that data of unnamed people was read: the texts from the
        other bank may contain names. See Note [Whose data].
        """
        add_unnamed()
        return super().from_db(*arguments, **options)

    @staticmethod
    def id_of(reconciliation: Reconciliation, number: int) -> uuid.UUID:
        """Returns the id of a line: a hash of the reconciliation and the number. So each number can
        exist only once per file, without a unique index over the whole table.
        """
        return uuid7_of(reconciliation.created_at, f"{reconciliation.pk} line {number}")

    @property
    def rest(self) -> Decimal:
        """The part of the line's amount that is not matched, never negative. The line must be read
        with `with_matched`.
        """
        rest: Decimal = abs(self.amount) - self.matched
        return rest

    @property
    def signed_rest(self) -> Decimal:
        """The part of the line's amount that is not matched, with the sign of the line."""
        return -self.rest if self.amount < 0 else self.rest

    @property
    def title(self) -> str:
        """The name of the other side, or the description if there is no name."""
        return self.other or self.description or "Without a text"


class ReconciliationMatch(models.Model):
    """A match between a line and a payment at this bank. The matched amount can be smaller than the
    amount of the line or of the payment.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    line = models.ForeignKey(ReconciliationLine, models.PROTECT, related_name="matches")
    transaction = models.ForeignKey(Transaction, models.PROTECT, related_name="+")
    account = models.ForeignKey(
        Account, models.PROTECT, null=True, related_name="+", db_index=False,
        db_comment="That of the reconciliation, so that what is matched of a payment needs no join",
    )  # fmt: skip
    amount = MoneyField(db_comment="Always positive; the line has the sign")
    is_sure = models.BooleanField(
        default=False, db_comment="Matched by the rules for all lines, not by hand"
    )
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "reconciliation_matches"
        db_table_comment = "Which payments of the books the lines of outside statements are"
        default_permissions = ()
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="match_is_positive",
                condition=Q(amount__gt=0),
                violation_error_message="A match has an amount above zero.",
            ),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            triggers.one_at_a_time("matched_one_at_a_time", inserts_too=True),
            triggers.MATCHES_FIT,
            triggers.MATCH_STAYS,
            triggers.UNMATCHED_WHILE_OPEN,
            triggers.never_emptied("reconciliation_matches_stay"),
        ]

    def __str__(self) -> str:
        return f"{self.amount}"

    @property
    def signed(self) -> Decimal:
        """The matched amount, with the sign of its line."""
        amount: Decimal = self.amount
        return -amount if self.line.amount < 0 else amount


def booked_on(account_id: uuid.UUID | None, currency: str) -> Any:
    """Returns the booked payments from and to a settlement account at this bank. If `account_id` is
    None, returns the bank's deposits and withdrawals.

    Each payment has two additional attributes. `signed` is the amount, negative if money leaves the
    account. `unmatched` is the part of the amount that is not matched with lines.
    """
    rows = Transaction.objects.filter(status=Transaction.Status.COMPLETED, currency=currency)
    if account_id is None:
        rows = rows.filter(Q(from_account=None) | Q(to_account=None))
        leaves = Q(to_account=None)
    else:
        rows = rows.filter(Q(from_account=account_id) | Q(to_account=account_id))
        leaves = Q(from_account=account_id)
    of_row = ReconciliationMatch.objects.filter(transaction=OuterRef("pk"))
    of_row = of_row.filter(account=account_id) if account_id else of_row.filter(account=None)
    total = of_row.order_by().values("transaction").annotate(total=Sum("amount")).values("total")
    return rows.annotate(
        signed=Case(
            When(leaves, then=-F("amount")), default=F("amount"), output_field=MoneyField()
        ),
        unmatched=F("amount") - Coalesce(Subquery(total), Decimal(0)),
    )
