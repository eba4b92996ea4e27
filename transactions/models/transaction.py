"""`Transaction`, the model of a movement of money. One row has the payer and the payee."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Self

import pgtrigger
from django.contrib.postgres.indexes import BrinIndex, GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.fields.json import KT
from django.utils import timezone

from accounts.models import EARLIEST, LATEST, Account, MoneyField, User, times_finite
from accounts.shown import add_accounts
from ledger.db.ids import pk_of, uuid7
from ledger.db.json_numbers import ExactJSONField
from ledger.text.currencies import LARGEST_AMOUNT
from ledger.text.money import figure
from transactions.models import row_triggers
from transactions.models.search_column import SEARCH_DOCUMENT

# Maximum size in kB of the list of new words that are not in the index yet (default: 4,096). The
# session that fills the list must move the words into the index, while that session has accounts
# locked. 185,000 words of metadata took eight seconds. With this limit, an INSERT of many rows
# needs 2 to 5 us more per row (of 28 us).
PENDING = 64
METADATA_LIMIT = 16 * 1024  # bytes of metadata as JSON text
DESCRIPTION_LIMIT = 500  # characters
CATEGORY_LENGTH = 100  # for new payments; own categories, rules and budgets allow 60
REFERENCE_LIMIT = 140  # characters


# Note [Newest of the bank]: the newest rows of all accounts come from an index on the booking time
# without its time zone. With an index on `created_at`, the planner would use this index for account
# statements, too. It would then read all rows of the bank for one account.
BOOKED_AT = models.Func(
    models.F("created_at"),
    template="(%(expressions)s AT TIME ZONE 'UTC')",
    output_field=models.DateTimeField(),
)


class TransactionQuerySet(models.QuerySet["Transaction"]):
    def visible_to(self, user: "User") -> Self:
        """Returns transactions whose payer's or payee's account belongs to this user."""
        return self.filter(Q(from_account__user=user) | Q(to_account__user=user))

    def readable_by(self, user: "User") -> Self:
        """Returns transactions that this user may open. Staff with the permission
        `view_transaction` may open all transactions. Other users may open only transactions of
        their accounts.
        """
        if user.is_staff and user.has_perm("transactions.view_transaction"):
            return self.all()
        return self.visible_to(user)

    def pending(self) -> Self:
        """Returns holds that have neither been captured nor voided."""
        return self.filter(status="pending")

    def counted_against_limit(self, account: "Account | uuid.UUID", since: datetime) -> Self:
        """Returns the transactions of this account, booked at or after `since`, that count towards
        the daily limit. These are outgoing payments and holds, without voided holds, captures and
        reversals. A hold counts with its whole amount on the day on which it was placed.
        """
        return self.filter(from_account=pk_of(account)).counted_since(since)

    def counted_since(self, since: datetime) -> Self:
        """Returns the transactions of all accounts, booked at or after `since`, that count towards
        daily limits.
        """
        return self.filter(
            status__in=["completed", "pending", "captured"],
            captures__isnull=True,
            reverses__isnull=True,
            created_at__gte=since,
        )

    def newest_first(self) -> Self:
        """Orders by booking time, newest first. This order is also fast without a condition on
        accounts, see Note [Newest of the bank].
        """
        return self.order_by(BOOKED_AT.desc(), "-pk")

    def oldest_first(self) -> Self:
        """Orders by booking time, oldest first."""
        return self.order_by(BOOKED_AT.asc(), "pk")

    def with_sides(self) -> Self:
        """Loads both accounts, their holders and the author of each transaction
        in the same query.
        """
        return self.select_related("from_account__user", "to_account__user", "created_by")


class TransactionManager(models.Manager.from_queryset(TransactionQuerySet)):  # type: ignore[misc]
    """A manager that does not load the search column, because only conditions use the column."""

    def get_queryset(self) -> TransactionQuerySet:
        queryset: TransactionQuerySet = super().get_queryset().defer("search")
        return queryset


class Transaction(models.Model):
    """A movement of money between two accounts. `from_account` or `to_account` is NULL if the payer
    or the payee is outside this bank.

    Only `transactions.posting` inserts rows. The only change of a row is a new status when a hold
    ends, see `transactions.models.row_triggers`.
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
    # Note [Foreign keys]: the second migration creates the foreign keys, not Django. The keys of
    # both accounts are composite, (account, currency), so that a transfer between two currencies
    # cannot exist. The keys are not deferrable, so that a wrong row is refused immediately and not
    # at COMMIT.
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
    description = models.CharField(max_length=DESCRIPTION_LIMIT, blank=True, default="")
    reference = models.CharField(max_length=REFERENCE_LIMIT, blank=True, default="")
    metadata = ExactJSONField(default=dict, blank=True)
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
        triggers: ClassVar[Sequence[pgtrigger.Trigger]] = row_triggers.ALL
        # The primary key and `transactions_newest` have a fillfactor of 100, see migration 0002.
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["from_account", "created_at"], name="transactions_from_created"),
            models.Index(fields=["to_account", "created_at"], name="transactions_to_created"),
            GinIndex(fields=["search"], name="transactions_search", gin_pending_list_limit=PENDING),
            GinIndex(
                fields=["metadata"],
                name="transactions_metadata",
                opclasses=["jsonb_path_ops"],
                gin_pending_list_limit=PENDING,
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
            # A few kilobytes, for reads by day instead of by account: audit and seals.
            BrinIndex(fields=["created_at"], name="transactions_times"),
            models.Index(BOOKED_AT, name="transactions_newest"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            # A numeric column can store NaN, which Postgres sorts above every number. The upper
            # limit refuses it.
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
                & times_finite("expires_at"),
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
        return f"{self.kind} of {figure(self.amount, self.currency)} {self.currency}"

    @classmethod
    def from_db(cls, *arguments: Any, **options: Any) -> Self:
        """Loads a row, and adds its accounts to the accounts whose data this request has read, see
        Note [Whose data].
        """
        row = super().from_db(*arguments, **options)
        add_accounts(row.__dict__.get("from_account_id"), row.__dict__.get("to_account_id"))
        return row

    @property
    def kind(self) -> str:
        """The type of the transaction, or "hold" for a hold, even after the hold has ended."""
        return "hold" if self.is_hold else str(self.type)

    @property
    def is_reversal(self) -> bool:
        return self.reverses_id is not None

    @property
    def is_pending(self) -> bool:
        return self.status == self.Status.PENDING

    @property
    def shown_category(self) -> str:
        """The category that the user has set, or else the transaction's category, or else ""."""
        return getattr(self, "own_category", None) or self.category or ""

    @property
    def is_hold(self) -> bool:
        """Whether the transaction is a hold, including captured and voided holds."""
        return self.status != self.Status.COMPLETED

    def is_of(self, person: User) -> bool:
        """Returns whether the payer's or the payee's account belongs to this person. Accounts of
        other people in the same household do not count.
        """
        sides = (self.from_account, self.to_account)
        return any(side is not None and side.user_id == person.pk for side in sides)

    @property
    def is_expired(self) -> bool:
        """Whether the expiry time has passed. An expired pending hold still reserves its money
        until the command `expire_holds` runs.
        """
        return self.expires_at is not None and self.expires_at <= timezone.now()


def reversal_word(type: str) -> str:
    """Returns the word for a reversal of this type: "taken back" for a reversed deposit, otherwise
    "refund".
    """
    return "taken back" if type == Transaction.Type.WITHDRAWAL else "refund"
