"""Who holds money: people and their accounts."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar

import pgtrigger
from django.contrib.auth.models import AbstractBaseUser, PermissionsMixin
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.currencies import CURRENCIES, LARGEST_AMOUNT
from accounts.lines import tidy_line
from accounts.numbers import grouped, new_account_number
from accounts.querysets import AccountQuerySet, UserManager
from ledger.db.ids import uuid7
from ledger.db.triggers import FirmTrigger, refuse, stays

# timestamptz holds infinity, which no book should.
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 1, 1, tzinfo=UTC)


def _finite(*names: str) -> Q:
    """Times that lie within the years we count in, or are not there."""
    condition = Q()
    for name in names:
        condition &= Q(**{f"{name}__isnull": True}) | Q(
            **{f"{name}__gte": EARLIEST, f"{name}__lt": LATEST}
        )
    return condition


# Names as words, for the search ("mara" finds Mara Lindt's payments) and the admin's one search;
# a query must use the same for its index to be used.
PERSON_WORDS = SearchVector("name", weight="A", config="simple") + SearchVector(
    "email", weight="B", config="simple"
)
ACCOUNT_WORDS = SearchVector("name", weight="A", config="simple")


class MoneyField(models.DecimalField):  # type: ignore[type-arg]
    """An amount of money: `numeric(19,4)`, a Decimal in Python."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_digits": 19, "decimal_places": 4, **kwargs})


class User(AbstractBaseUser, PermissionsMixin):
    """A person: customer, analyst or staff. Never deleted, only `deleted_at`."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(
        "email",
        unique=True,
        error_messages={"unique": "Somebody signs in with this address already."},
    )
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    deleted_at = models.DateTimeField(
        null=True, blank=True, help_text="Set: cannot sign in; accounts and history stay."
    )
    is_staff = models.BooleanField("staff", default=False, help_text="May use the admin.")

    objects = UserManager()

    EMAIL_FIELD = "email"
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        db_table = "users"
        db_table_comment = "People who sign in"
        indexes: ClassVar[list[models.Index]] = [
            GinIndex(PERSON_WORDS, name="users_search"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            # With unique=True on the column: unique whatever its case.
            models.CheckConstraint(
                name="user_email_lowercase",
                condition=Q(email=Lower("email")),
                violation_error_message="An email address is stored in lower case.",
            ),
            models.CheckConstraint(
                name="user_times_finite",
                condition=_finite("created_at", "deleted_at"),
                violation_error_message="A time lies between 1900 and 9999.",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def is_active(self) -> bool:  # type: ignore[override]
        """Whether the person may sign in."""
        return self.deleted_at is None

    def get_full_name(self) -> str:
        return self.name

    def clean(self) -> None:
        self.email = self.email.lower()

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.email = self.email.lower()
        self.name = tidy_line(self.name)
        super().save(*args, **kwargs)


def _columns(row: str) -> str:
    """What stays of a closed account, as columns of OLD or NEW."""
    stays = "user_id number currency name status overdraft_limit transfer_limit daily_limit"
    return ", ".join(f"{row}.{column}" for column in [*stays.split(), "closed_at"])


class Account(models.Model):
    """A holder's money in one currency. `transactions.posting` alone changes a balance."""

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        FROZEN = "frozen", "Frozen"
        CLOSED = "closed", "Closed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, models.PROTECT, related_name="accounts", verbose_name="owner")
    number = models.CharField(max_length=20, unique=True, default=new_account_number)
    name = models.CharField(max_length=100, default="Account")
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ACTIVE)
    balance = MoneyField(default=Decimal(0), db_comment="Booked money")
    held = MoneyField(default=Decimal(0), db_comment="Reserved by holds")
    overdraft_limit = MoneyField(default=Decimal(0), help_text="How far below zero it may go.")
    available = models.GeneratedField(
        expression=F("balance") + F("overdraft_limit") - F("held"),
        output_field=MoneyField(),
        db_persist=True,
    )
    transfer_limit = MoneyField(
        null=True, blank=True, help_text="Most that one payment may send; empty: no limit."
    )
    daily_limit = MoneyField(
        null=True, blank=True, help_text="Most that may go out in a day; empty: no limit."
    )
    last_entry_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    closed_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = AccountQuerySet.as_manager()

    class Meta:
        db_table = "accounts"
        db_table_comment = "Balances, each the sum of its entries"
        indexes: ClassVar[list[models.Index]] = [GinIndex(ACCOUNT_WORDS, name="accounts_search")]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            # Target of the composite foreign keys of transactions: one currency on both sides.
            models.UniqueConstraint(fields=["id", "currency"], name="account_id_currency_unique"),
            models.CheckConstraint(
                name="balance_non_negative",
                condition=Q(balance__gte=0) | Q(overdraft_limit__gt=0),
                violation_error_message="An account without an overdraft cannot go below zero.",
            ),
            # Postgres checks in order of name and reports the first refusal. A balance below
            # zero without any overdraft is left to `balance_non_negative`, so that each broken
            # fact has one name; together the two refuse the same rows.
            models.CheckConstraint(
                name="available_non_negative",
                condition=Q(balance__gte=F("held") - F("overdraft_limit"))
                | Q(balance__lt=0, overdraft_limit=0),
                violation_error_message="More is booked or held than the account has available.",
            ),
            models.CheckConstraint(
                name="held_non_negative",
                condition=Q(held__gte=0),
                violation_error_message="More was released than was held.",
            ),
            models.CheckConstraint(
                name="overdraft_limit_non_negative",
                condition=Q(overdraft_limit__gte=0),
                violation_error_message="An overdraft limit is zero or more.",
            ),
            models.CheckConstraint(
                name="limits_positive",
                condition=(
                    Q(transfer_limit=None)
                    | Q(transfer_limit__gt=0, transfer_limit__lte=LARGEST_AMOUNT)
                )
                & (Q(daily_limit=None) | Q(daily_limit__gt=0, daily_limit__lte=LARGEST_AMOUNT)),
                violation_error_message="A limit is above zero, or empty for none.",
            ),
            # numeric can hold NaN, which Postgres sorts above every number.
            models.CheckConstraint(
                name="account_amounts_finite",
                condition=Q(balance__lte=LARGEST_AMOUNT)
                & Q(held__lte=LARGEST_AMOUNT)
                & Q(overdraft_limit__lte=LARGEST_AMOUNT),
                violation_error_message="The amount is too large for this bank's books.",
            ),
            models.CheckConstraint(
                name="account_times_finite",
                condition=_finite("created_at", "closed_at", "last_entry_at"),
                violation_error_message="A time lies between 1900 and 9999.",
            ),
            models.CheckConstraint(
                name="account_status_valid",
                condition=Q(status__in=["active", "frozen", "closed"]),
                violation_error_message="A status is active, frozen or closed.",
            ),
            models.CheckConstraint(
                name="account_currency_valid",
                condition=Q(currency__in=CURRENCIES),
                violation_error_message="Not a currency this bank keeps accounts in.",
            ),
            models.CheckConstraint(
                name="closed_account_is_empty",
                condition=~Q(status="closed") | Q(balance=0, held=0),
                violation_error_message="An account is closed empty: move the money out first.",
            ),
        ]
        # What moves them is the triggers of transactions, one level deeper: see
        # Note [Balances follow rows].
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            FirmTrigger(
                name="balance_follows_rows",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "pg_trigger_depth() = 0 AND (OLD.balance, OLD.held, OLD.last_entry_at)"
                    " IS DISTINCT FROM (NEW.balance, NEW.held, NEW.last_entry_at)"
                ),
                func=refuse("balance_follows_rows", "A balance moves by posting a transaction."),
            ),
            FirmTrigger(
                name="closed_account_stays_closed",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    f"OLD.status = 'closed' AND ({_columns('OLD')})"
                    f" IS DISTINCT FROM ({_columns('NEW')})"
                ),
                func=refuse("closed_account_stays_closed", "An account is closed for good."),
            ),
            FirmTrigger(
                name="account_opens_empty",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                condition=pgtrigger.Condition(
                    "NEW.balance <> 0 OR NEW.held <> 0 OR NEW.last_entry_at IS NOT NULL"
                ),
                func=refuse("account_opens_empty", "An account is opened empty."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {grouped(self.number)}"

    @property
    def is_active(self) -> bool:
        return self.status == self.Status.ACTIVE

    @property
    def is_frozen(self) -> bool:
        return self.status == self.Status.FROZEN

    @property
    def is_closed(self) -> bool:
        return self.status == self.Status.CLOSED


class StatusChange(models.Model):
    """Who froze, unfroze or closed an account, when and why. Never changed, never deleted."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    account = models.ForeignKey(Account, models.PROTECT, related_name="status_changes")
    from_status = models.CharField(max_length=10)
    to_status = models.CharField(max_length=10)
    reason = models.CharField(max_length=500, db_comment="For colleagues; never shown to the owner")
    message = models.CharField(
        max_length=500, blank=True, default="", db_comment="What the owner reads"
    )
    changed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "account_status_changes"
        ordering = ("-created_at",)
        triggers: ClassVar[list[pgtrigger.Trigger]] = stays(
            "status_change_stays",
            "status_changes_stay",
            "What was done to an account stays said.",
            "What was done to accounts stays said.",
        )

    def __str__(self) -> str:
        return f"{self.from_status} to {self.to_status}: {self.reason}"
