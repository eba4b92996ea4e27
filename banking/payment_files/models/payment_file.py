"""An uploaded payment file, and its lines with their results.

Only the table `transactions` proves what was paid. A line gets its id when it is stored, and its
transaction has the same id. So no line can be paid twice.
"""

import uuid
from decimal import Decimal
from typing import Any, ClassVar, Self

import pgtrigger
from django.contrib.postgres.aggregates import ArrayAgg
from django.db import models
from django.db.models import Case, F, Func, Q, TextField, Value, When
from django.db.models.functions import MD5, Cast, Coalesce
from django.utils import timezone

from accounts.models import Account, ApprovalRequest, MoneyField, User
from accounts.models.account import paid_close_to
from accounts.shown import add_accounts
from banking.payment_files.models import line_triggers, request_triggers
from ledger.db.ids import uuid7
from ledger.text.lines import shortened
from ledger.text.money import figure
from transactions.models.name_check import NameCheck

MISNAMED = Q(name_check__in=["close", "other"])


REPEATED = Q(repeats__isnull=False)


UNREAD = Q(to_account=None) | Q(amount=None)


UNCOMPARED = Q(name_check="", to_account__isnull=False) & ~Q(typed_name="")


DOUBTFUL = MISNAMED | REPEATED | UNCOMPARED


class PaymentFileQuerySet(models.QuerySet["PaymentFile"]):
    def visible_to(self, user: "User") -> Self:
        """Returns the files that pay from this person's accounts."""
        return self.filter(from_account__user=user)

    def with_account(self) -> Self:
        """Loads the paying account of each file in the same query."""
        return self.select_related("from_account")

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-pk")

    def same_as(self, file: "PaymentFile") -> Self:
        """Returns other files with the same lines and the same paying account. A file is included
        only if at least one of its lines was paid.
        """
        same = self.filter(from_account=file.from_account_id, digest=file.digest)
        return same.exclude(pk=file.pk).filter(booked_count__gt=0)


class PaymentLineQuerySet(models.QuerySet["PaymentLine"]):
    def of(self, file: "PaymentFile | uuid.UUID") -> Self:
        """Returns the lines of one file."""
        return self.filter(file=file)

    def readable(self) -> Self:
        """Returns the lines that have a valid amount and an account at this bank."""
        return self.exclude(UNREAD)

    def waiting(self) -> Self:
        """Returns the lines that can be booked: not booked yet, and not refused by the last
        check.
        """
        return self.filter(booked=False, verdict="")

    def refused(self) -> Self:
        return self.exclude(verdict="")

    def in_order(self) -> Self:
        return self.order_by("number")

    def paying_close_to(self, person: User) -> Self:
        """Returns the lines that pay this person or a member of their household."""
        return self.filter(paid_close_to(person))

    def digest(self) -> str:
        """Returns a hash of the line numbers. The hash identifies the content of the lines, because
        the content of a line never changes.
        """
        # StringAgg is not used, because Django 5.2 and 6.1 expect different types for its
        # delimiter.
        numbers = ArrayAgg(Cast("number", TextField()), order_by="number")
        listed = Func(numbers, Value(","), function="array_to_string", output_field=TextField())
        digest: str = self.aggregate(
            digest=MD5(Coalesce(listed, Value(""), output_field=TextField()))
        )["digest"]
        return digest

    def for_reading(self) -> Self:
        """Orders the lines: first refused lines, then lines that a person should check, then all
        others.
        """
        place = Case(
            When(~Q(verdict=""), then=Value(0)), When(DOUBTFUL, then=Value(1)), default=Value(2)
        )
        return self.order_by(place, "number")


class PaymentFile(models.Model):
    """A file with many payments from one account. The owner of the account can see the file, even
    if staff uploaded it.

    The counts are updated in the database transaction that changes the lines.
    """

    class State(models.TextChoices):
        STORED = "stored", "Not checked yet"
        CHECKED = "checked", "Checked, not paid"
        PAYING = "paying", "Being paid"
        DONE = "done", "Done"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    from_account = models.ForeignKey(Account, models.PROTECT, related_name="payment_files")
    name = models.CharField(max_length=200, db_comment="Of the file, as uploaded")
    digest = models.CharField(max_length=64, db_comment="SHA-256 of its lines as read")
    # `run` is NULL for a file that was uploaded on a page. Such a file may be paid again on
    # purpose, and the unique constraint treats NULLs as different.
    run = models.CharField(  # noqa: DJ001
        max_length=100,
        null=True,
        db_comment="Of post_file: the same file in the same run is one file; NULL from a page",
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.STORED)
    line_count = models.PositiveIntegerField(default=0)
    total = MoneyField(
        default=Decimal(0), max_digits=24, db_comment="Of all amounts that were read"
    )
    booked_count = models.PositiveIntegerField(default=0)
    booked_total = MoneyField(default=Decimal(0), max_digits=24)
    refused_count = models.PositiveIntegerField(default=0)
    refused_total = MoneyField(default=Decimal(0), max_digits=24)
    repeated_count = models.PositiveIntegerField(
        default=0, db_default=0, db_comment="Lines that can be booked and repeat another"
    )
    misnamed_count = models.PositiveIntegerField(
        default=0,
        db_default=0,
        db_comment="Lines that can be booked and name somebody else than the holder",
    )
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, db_comment="When its last line was decided")

    objects = PaymentFileQuerySet.as_manager()

    class Meta:
        db_table = "payment_files"
        db_table_comment = "Files of payments, before and after they were paid"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["from_account", "digest"], name="payment_files_same"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["from_account", "digest", "run"],
                name="payment_file_once_a_run",
                violation_error_message="This file was already uploaded under this label.",
            ),
            models.CheckConstraint(
                name="payment_file_state_valid",
                condition=Q(state__in=["stored", "checked", "paying", "done"]),
                violation_error_message="A file is stored, checked, paying or done.",
            ),
            models.CheckConstraint(
                name="payment_file_counts_add_up",
                condition=Q(line_count__gte=F("booked_count") + F("refused_count")),
                violation_error_message="A file has no more decided lines than lines.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}, {figure(self.payable_total, self.currency)} {self.currency}"

    @classmethod
    def from_db(cls, *arguments: Any, **options: Any) -> Self:
        """Returns the row, and records that its account was read. See Note [Whose data]."""
        file = super().from_db(*arguments, **options)
        add_accounts(file.__dict__.get("from_account_id"))
        return file

    @property
    def is_from_bank(self) -> bool:
        """Whether staff or `post_file` uploaded the file. Only the bank can pay such a file. The
        owner of the account cannot.
        """
        return self.created_by_id != self.from_account.user_id

    @property
    def currency(self) -> str:
        """The currency of the paying account. All lines have this currency."""
        return self.from_account.currency

    @property
    def payable_total(self) -> Decimal:
        """The sum of all lines except refused lines."""
        good: Decimal = self.total - self.refused_total
        return good

    @property
    def waiting_count(self) -> int:
        """The number of lines that are not booked and not refused."""
        return self.line_count - self.booked_count - self.refused_count

    @property
    def waiting_total(self) -> Decimal:
        """The sum of the lines that are not booked and not refused."""
        rest: Decimal = self.total - self.booked_total - self.refused_total
        return rest

    @property
    def decided_count(self) -> int:
        """The number of lines that are booked or refused. It shows the progress of the booking."""
        return self.booked_count + self.refused_count


class PaymentLine(models.Model):
    """One line of a file: the recipient, the amount, and whether the line was paid. The id of a
    line is also the id of its transaction.

    `verdict` is the reason for a refusal when the line was stored, checked or booked. With an empty
    `verdict`, the line is booked, or can be booked according to the last check.
    """

    id = models.UUIDField(
        primary_key=True, default=uuid7, editable=False, db_comment="Of its transaction too"
    )
    file = models.ForeignKey(
        PaymentFile, models.CASCADE, related_name="lines", db_index=False, db_column="file_id"
    )
    number = models.PositiveIntegerField(db_comment="Row of the file; the heading is row 1")
    typed_to = models.CharField(max_length=100)
    typed_amount = models.CharField(max_length=100)
    typed_name = models.CharField(max_length=200, default="", db_default="")
    name_check = models.CharField(
        max_length=5,
        choices=NameCheck.choices,
        default=NameCheck.NONE,
        db_default="",
        db_comment="Against the holder's name when the file was read",
    )
    repeats = models.PositiveIntegerField(
        null=True, db_comment="First line with the same recipient, amount, description, reference"
    )
    description = models.CharField(max_length=1000)
    reference = models.CharField(max_length=1000)
    to_account = models.ForeignKey(
        Account, models.PROTECT, null=True, related_name="+", db_index=False
    )
    amount = MoneyField(null=True)
    booked = models.BooleanField(default=False)
    verdict = models.CharField(max_length=1000, default="", db_comment="Why not; empty: nothing")

    objects = PaymentLineQuerySet.as_manager()

    class Meta:
        db_table = "payment_lines"
        triggers: ClassVar[list[pgtrigger.Trigger]] = line_triggers.ALL
        db_table_comment = "What became of each line of a file of payments"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["file", "number"],
                name="payment_line_once",
                violation_error_message="A file has one line of a number.",
            ),
            models.CheckConstraint(
                name="name_check_valid",
                condition=Q(name_check__in=["", "match", "close", "other"]),
                violation_error_message="A name is the holder's, close to it, or another.",
            ),
            models.CheckConstraint(
                name="booked_line_has_no_refusal",
                condition=Q(booked=False) | Q(verdict=""),
                violation_error_message="A line is booked or refused, not both.",
            ),
            models.CheckConstraint(
                name="unread_line_is_refused",
                condition=Q(to_account__isnull=False, amount__isnull=False) | ~Q(verdict=""),
                violation_error_message="A line that could not be read needs a refusal.",
            ),
        ]

    def __str__(self) -> str:
        return f"Line {self.number}: {self.typed_amount} to {self.typed_to}"

    @classmethod
    def from_db(cls, *arguments: Any, **options: Any) -> Self:
        """Returns the row, and records that the receiving account was read. See Note [Whose
        data].
        """
        line = super().from_db(*arguments, **options)
        add_accounts(line.__dict__.get("to_account_id"))
        return line

    @property
    def is_readable(self) -> bool:
        """Whether the line has a valid amount and an account at this bank."""
        return self.to_account_id is not None and self.amount is not None

    @property
    def is_uncompared(self) -> bool:
        """Whether the name in the file was not compared with the account holder's name. If the
        names in a person's files were wrong too often on a day, Ledger compares no more names on
        that day.
        """
        return bool(self.typed_name and not self.name_check and self.to_account_id)

    @property
    def doubts(self) -> list[str]:
        """Messages about problems that a person should check before paying the line."""
        quoted = f"\u201c{shortened(self.typed_name)}\u201d"
        about_name = {
            NameCheck.CLOSE: f"The name {quoted} in the file is close to the holder's name.",
            NameCheck.OTHER: f"The name {quoted} in the file is not the holder's name.",
        }.get(NameCheck(self.name_check))
        if self.is_uncompared:
            about_name = f"The name {quoted} in the file was not compared with the holder's name."
        about_twin = f"Same as line {self.repeats:,}." if self.repeats else None
        return [doubt for doubt in (about_name, about_twin) if doubt]


class FileRequest(ApprovalRequest):
    """A proxy model of ApprovalRequest with the trigger for requests to pay a payment file."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers: ClassVar[list[pgtrigger.Trigger]] = [request_triggers.REQUEST_FOR_FILE]
