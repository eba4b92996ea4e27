"""How money moves: `Transaction`, one row per movement, and `Entry`, one row per side."""

from collections.abc import Sequence
from typing import ClassVar

import pgtrigger
from django.contrib.postgres.indexes import BrinIndex, GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Round
from django.utils import timezone

from accounts.currencies import LARGEST_AMOUNT, NO_DECIMALS, THREE_DECIMALS, plain
from accounts.models import EARLIEST, LATEST, Account, MoneyField, User
from ledger.db.ids import uuid7
from transactions import triggers
from transactions.annotations import Annotation
from transactions.audit_models import AuditRun
from transactions.notes import Note
from transactions.payment_models import NamesAsked, PaymentFile, PaymentLine
from transactions.querysets import BOOKED_AT, EntryManager, TransactionManager
from transactions.seal_models import Seal, SealedDay
from transactions.seal_triggers import SEALED_PERIOD_IS_CLOSED

__all__ = [
    "METADATA_LIMIT",
    "Annotation",
    "AuditRun",
    "Entry",
    "NamesAsked",
    "Note",
    "PaymentFile",
    "PaymentLine",
    "Seal",
    "SealedDay",
    "Transaction",
]

METADATA_LIMIT = 16 * 1024  # bytes of its JSON text

# Note [Search column]: words of the description (A), the reference (B) and the strings and
# numbers of the metadata (C), and one lexeme per side, "@" + the last 12 hex digits of the
# account's id. "rent" within somebody's accounts becomes rent & (@a | @b), which one GIN
# index answers at the cost of the reader's own rows. Never a permission: see DESIGN, search.
SIDE_LEXEMES = Func(
    Func(F("from_account"), template="'@' || right(%(expressions)s::text, 12)"),
    Func(F("to_account"), template="'@' || right(%(expressions)s::text, 12)"),
    template="array_to_tsvector(array_remove(ARRAY[%(expressions)s], NULL))",
)
SEARCH_DOCUMENT = Func(
    SearchVector("description", weight="A", config="simple"),
    SearchVector("reference", weight="B", config="simple"),
    Func(
        F("metadata"),
        template=(
            "setweight(jsonb_to_tsvector('simple'::regconfig, %(expressions)s,"
            " '[\"string\", \"numeric\"]'::jsonb), 'C')"
        ),
    ),
    SIDE_LEXEMES,
    template="(%(expressions)s)",
    arg_joiner=" || ",
    output_field=SearchVectorField(),
)


class Transaction(models.Model):
    """One movement of money, both sides in one row; a missing side is the world outside.

    Inserted by `transactions.posting` alone, and final: see `transactions.triggers`.
    """

    class Type(models.TextChoices):
        TRANSFER = "transfer", "Transfer"
        DEPOSIT = "deposit", "Deposit"
        WITHDRAWAL = "withdrawal", "Withdrawal"

    class Status(models.TextChoices):
        PENDING = "pending", "Pending"
        COMPLETED = "completed", "Completed"
        CAPTURED = "captured", "Captured"
        VOIDED = "voided", "Voided"

    id = models.UUIDField(
        primary_key=True, default=uuid7, editable=False, db_comment="Also the idempotency key"
    )
    # Note [Foreign keys]: they are made by the second migration, not by Django. Those of the
    # sides are composite, (account, currency), so that a transfer between two currencies cannot
    # exist; and none is deferrable, so that a refusal comes at its row and not at COMMIT.
    from_account = models.ForeignKey(
        Account, models.PROTECT, null=True, blank=True, related_name="sent",
        db_constraint=False, db_index=False,
    )  # fmt: skip
    to_account = models.ForeignKey(
        Account, models.PROTECT, null=True, blank=True, related_name="received",
        db_constraint=False, db_index=False,
    )  # fmt: skip
    amount = MoneyField(db_comment="Always positive; the sides say the direction")
    currency = models.CharField(max_length=3)
    type = models.CharField(max_length=10, choices=Type.choices)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    description = models.CharField(max_length=500, blank=True, default="")
    reference = models.CharField(max_length=140, blank=True, default="")
    metadata = models.JSONField(default=dict, blank=True)
    category = models.GeneratedField(
        expression=KT("metadata__category"), output_field=models.TextField(), db_persist=True
    )
    created_at = models.DateTimeField(
        default=timezone.now, db_comment="Booking time; strictly rises within each account"
    )
    value_date = models.DateField(
        default=timezone.localdate, db_comment="The day from which it counts"
    )
    from_balance = MoneyField(null=True, db_comment="Balance of the sender right after")
    to_balance = MoneyField(null=True, db_comment="Balance of the recipient right after")
    captures = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="captured_by",
        db_constraint=False,
        db_index=False,
    )
    reverses = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="reversals",
        db_constraint=False,
        db_index=False,
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    search = models.GeneratedField(
        expression=SEARCH_DOCUMENT, output_field=SearchVectorField(), db_persist=True
    )

    objects = TransactionManager()

    class Meta:
        db_table = "transactions"
        db_table_comment = "Every movement of money; inserted once, never changed"
        permissions = [
            ("use_cash_desk", "Can deposit and withdraw at the cash desk"),
            ("refund_transactions", "Can refund transactions, whole or in part"),
            ("manage_holds", "Can place, capture and release holds"),
        ]
        triggers: ClassVar[Sequence[pgtrigger.Trigger]] = [*triggers.ALL, SEALED_PERIOD_IS_CLOSED]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["from_account", "created_at"], name="transactions_from_created"),
            models.Index(fields=["to_account", "created_at"], name="transactions_to_created"),
            GinIndex(fields=["search"], name="transactions_search"),
            GinIndex(
                fields=["metadata"], name="transactions_metadata", opclasses=["jsonb_path_ops"]
            ),
            models.Index(
                fields=["from_account", "expires_at"],
                condition=Q(status="pending"),
                name="transactions_pending",
            ),
            models.Index(
                fields=["from_account", "created_at"],
                condition=Q(status="voided"),
                name="transactions_voided",
            ),
            models.Index(
                fields=["reverses"],
                condition=Q(reverses__isnull=False),
                name="transactions_reversals",
            ),
            # A few kilobytes, for whoever reads days instead of accounts: audit and seals.
            BrinIndex(fields=["created_at"], name="transactions_times"),
            models.Index(BOOKED_AT, name="transactions_newest"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            # numeric can hold NaN, which Postgres sorts above every number: hence the upper end.
            models.CheckConstraint(
                name="positive_amount",
                condition=Q(amount__gt=0, amount__lte=LARGEST_AMOUNT),
                violation_error_message="An amount is above zero.",
            ),
            models.CheckConstraint(
                name="sides_match_type",
                condition=Q(
                    Q(type="transfer", from_account__isnull=False, to_account__isnull=False)
                    & ~Q(from_account=F("to_account")),
                )
                | Q(type="deposit", from_account__isnull=True, to_account__isnull=False)
                | Q(type="withdrawal", from_account__isnull=False, to_account__isnull=True),
                violation_error_message=(
                    "A transfer has two different accounts, a deposit no sender, "
                    "a withdrawal no recipient."
                ),
            ),
            models.CheckConstraint(
                name="transaction_status_valid",
                condition=Q(status__in=["pending", "completed", "captured", "voided"]),
                violation_error_message="A status is pending, completed, captured or voided.",
            ),
            models.CheckConstraint(
                name="amount_fits_currency",
                condition=Q(currency__in=NO_DECIMALS, amount=Round("amount", 0))
                | Q(currency__in=THREE_DECIMALS, amount=Round("amount", 3))
                | (~Q(currency__in=[*NO_DECIMALS, *THREE_DECIMALS]) & Q(amount=Round("amount", 2))),
                violation_error_message="The amount has more decimals than its currency.",
            ),
            models.CheckConstraint(
                name="metadata_is_object",
                condition=Q(
                    models.lookups.Exact(
                        Func("metadata", function="jsonb_typeof", output_field=models.TextField()),
                        Value("object"),
                    )
                ),
                violation_error_message="Metadata is a JSON object.",
            ),
            models.CheckConstraint(
                name="metadata_within_limit",
                condition=Q(
                    models.lookups.LessThanOrEqual(
                        Func(
                            "metadata",
                            template="octet_length(%(expressions)s::text)",
                            output_field=models.IntegerField(),
                        ),
                        METADATA_LIMIT,
                    )
                ),
                violation_error_message="Metadata takes at most 16 KiB.",
            ),
            models.CheckConstraint(
                name="balances_when_completed",
                condition=(
                    Q(status="completed")
                    & (
                        Q(from_account__isnull=True, from_balance__isnull=True)
                        | Q(from_account__isnull=False, from_balance__isnull=False)
                    )
                    & (
                        Q(to_account__isnull=True, to_balance__isnull=True)
                        | Q(to_account__isnull=False, to_balance__isnull=False)
                    )
                )
                | (~Q(status="completed") & Q(from_balance__isnull=True, to_balance__isnull=True)),
                violation_error_message=(
                    "A completed row carries the balance of each side; any other row none."
                ),
            ),
            models.CheckConstraint(
                name="transaction_values_finite",
                condition=(Q(from_balance__isnull=True) | Q(from_balance__lte=LARGEST_AMOUNT))
                & (Q(to_balance__isnull=True) | Q(to_balance__lte=LARGEST_AMOUNT))
                & Q(created_at__gte=EARLIEST, created_at__lt=LATEST)
                & Q(value_date__gte=EARLIEST.date(), value_date__lt=LATEST.date())
                & (Q(expires_at__isnull=True) | Q(expires_at__lt=LATEST)),
                violation_error_message="Balances and times are finite.",
            ),
            models.CheckConstraint(
                name="only_holds_expire",
                condition=Q(expires_at__isnull=True) | ~Q(status="completed"),
                violation_error_message="Only a hold expires.",
            ),
            models.CheckConstraint(
                name="captures_or_reverses",
                condition=Q(captures__isnull=True) | Q(reverses__isnull=True),
                violation_error_message="A row captures a hold or reverses a payment, never both.",
            ),
            models.UniqueConstraint(
                fields=["captures"],
                condition=Q(captures__isnull=False),
                name="hold_captured_once",
                violation_error_message="A hold is captured once.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {plain(self.amount, self.currency)} {self.currency}"

    @property
    def kind(self) -> str:
        """What it is called: by its type, or "hold", for nothing has been withdrawn yet."""
        return "hold" if self.is_hold else str(self.type)

    @property
    def is_reversal(self) -> bool:
        return self.reverses_id is not None

    @property
    def is_pending(self) -> bool:
        return self.status == self.Status.PENDING

    @property
    def is_hold(self) -> bool:
        """Whether it reserves money, or did, instead of moving it."""
        return self.status != self.Status.COMPLETED

    @property
    def is_expired(self) -> bool:
        """Whether its time is over. A pending hold stays held until `expire_holds` comes by."""
        return self.expires_at is not None and self.expires_at <= timezone.now()


def reversal_word(type: str) -> str:
    """What a reversal is to people: a deposit's goes out of the bank again."""
    return "taken back" if type == Transaction.Type.WITHDRAWAL else "refund"


class Entry(models.Model):
    """One side of a transaction on one account: debit (out) or credit (in).

    A row of the view `entries`. Its order within an account is `created_at`.
    """

    pk = models.CompositePrimaryKey("transaction_id", "direction")
    transaction = models.ForeignKey(
        Transaction, models.DO_NOTHING, related_name="entries", db_constraint=False
    )
    account = models.ForeignKey(
        Account, models.DO_NOTHING, null=True, related_name="entries", db_constraint=False
    )
    counterparty = models.ForeignKey(
        Account, models.DO_NOTHING, null=True, related_name="+", db_constraint=False
    )
    direction = models.TextField(choices=[("debit", "Out"), ("credit", "In")])
    amount = MoneyField()
    signed_amount = MoneyField()
    balance = MoneyField(null=True)
    currency = models.CharField(max_length=3)
    type = models.CharField(max_length=10, choices=Transaction.Type.choices)
    status = models.CharField(max_length=10, choices=Transaction.Status.choices)
    description = models.CharField(max_length=500)
    reference = models.CharField(max_length=140)
    metadata = models.JSONField()
    category = models.TextField(null=True)  # noqa: DJ001  as the generated column is
    created_at = models.DateTimeField()
    value_date = models.DateField()
    captures = models.ForeignKey(
        Transaction, models.DO_NOTHING, null=True, related_name="+", db_constraint=False
    )
    reverses = models.ForeignKey(
        Transaction, models.DO_NOTHING, null=True, related_name="+", db_constraint=False
    )
    search = SearchVectorField()

    objects = EntryManager()

    class Meta:
        managed = False
        db_table = "entries"

    def __str__(self) -> str:
        return f"{self.direction} of {plain(self.amount, self.currency)} {self.currency}"

    @property
    def is_credit(self) -> bool:
        return self.direction == "credit"

    @property
    def counterparty_name(self) -> str:
        """Who stands on the other side: a person, or another account of one's own."""
        if self.counterparty is None:
            return ""
        if self.account and self.counterparty.user_id == self.account.user_id:
            return self.counterparty.name
        return self.counterparty.user.name

    @property
    def headline(self) -> str:
        """What a statement's line is called."""
        return self.counterparty_name or self.description or self.get_type_display()

    @property
    def badges(self) -> list[str]:
        """What sets the entry apart from a plain payment."""
        return [reversal_word(self.type)] if self.reverses_id else []
