"""The model of accounts."""

import uuid
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, ClassVar, Self

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import account_triggers
from accounts.models.fields import MoneyField
from accounts.models.user import User
from accounts.numbers import new_account_number
from accounts.shown import add
from ledger.db.ids import uuid7
from ledger.db.queries.words import words_of
from ledger.text.currencies import LARGEST_AMOUNT
from ledger.text.lines import grouped

# Labels of an account's limits, by column.
LIMITS = {
    "overdraft_limit": "Overdraft limit",
    "transfer_limit": "Transfer limit",
    "daily_limit": "Daily limit",
}
# The columns that the owner of an account can set on its page Settings. The value contains the
# choices of the column, or None for free text. The form, the download, the history, the rights of
# web processes and the rule about choices use this dictionary: docs/new-setting.md.
SETTINGS: dict[str, type[models.TextChoices] | None] = {"name": None}
ACCOUNT_WORDS = words_of(name="A")


def _any_of(field: str, ids: Iterable[uuid.UUID]) -> models.Func:
    """Returns the condition `field = ANY (ids)`."""
    array = models.Value(list(ids), ArrayField(models.UUIDField()))
    return models.Func(
        models.F(field),
        array,
        template="%(expressions)s)",
        arg_joiner=" = ANY (",
        output_field=models.BooleanField(),
    )


def paid_close_to(person: User) -> Q:
    """Returns the condition that `to_account` belongs to this person or to the person's
    household.
    """
    close = Q(to_account__user=person)
    if person.household_id is not None:
        close |= Q(to_account__user__household=person.household_id)
    return close


class AccountQuerySet(models.QuerySet["Account"]):
    def locked(
        self, ids: Iterable[uuid.UUID], *, skip_locked: bool = False, nowait: bool = False
    ) -> Self:
        """Returns the accounts with these ids. Their rows are locked until the database transaction
        ends.

        Note [Lock ordering]: every writer locks its accounts in order of id, with this query or in
        the statement of `posting.single_statement`. Two transfers in opposite directions therefore
        wait for each other and cannot deadlock. The lock is NO KEY UPDATE, so other transactions
        can still check foreign keys to the row. Use only values that this query returned, because
        values that were read before the lock may have changed. The ids are passed as one array, so
        the SQL text is the same for any number of accounts.
        """
        return (
            self.filter(_any_of("pk", ids))
            .order_by("pk")
            .select_for_update(no_key=True, skip_locked=skip_locked, nowait=nowait)
        )

    def with_daily_limit(self, ids: Iterable[uuid.UUID]) -> Self:
        """Filters to the accounts with these ids that have a daily limit. The ids are passed as one
        array, as by `locked`.
        """
        return self.filter(_any_of("pk", ids), daily_limit__isnull=False)

    def owned_by(self, user: "User") -> Self:
        """Filters to the accounts of one person, oldest first."""
        return self.filter(user=user).order_by("created_at", "pk")

    def usual_currency(self, user: "User") -> str | None:
        """Returns the most frequent currency of the person's accounts, or None if the person has no
        account.
        """
        counted = self.filter(user=user).values("currency").annotate(many=models.Count("pk"))
        first = counted.order_by("-many", "currency").first()
        return first["currency"] if first else None

    def not_closed(self) -> Self:
        """Filters to accounts that are not closed: they are active or frozen."""
        return self.exclude(status="closed")


class Account(models.Model):
    """An account with the owner's money in one currency. Only the triggers of transactions change
    the balance, see Note [Balances follow rows].
    """

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        FROZEN = "frozen", "Frozen"
        CLOSED = "closed", "Closed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, models.PROTECT, related_name="accounts", verbose_name="owner")
    number = models.CharField(max_length=20, unique=True, default=new_account_number)
    name = models.CharField(max_length=100, default="Account")
    # Note [Currency of an account]: the currency is stored as a code, so a page needs no join to
    # show it. A trigger finds the currency of the code and copies its minor units. A migration adds
    # a foreign key on code and minor units, so the minor units of a currency in use cannot change.
    # A CHECK with a list of codes is not used, because Postgres would plan it again for every
    # payment.
    currency = models.CharField(max_length=3)
    currency.empty_strings_allowed = False  # a missing currency is an error that names the column
    minor_units = models.SmallIntegerField(
        editable=False, blank=True, db_comment="Of the currency; filled in by a trigger"
    )
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
        permissions = [
            ("change_status", "Can freeze, unfreeze and close accounts"),
            ("change_limits", "Can change overdrafts and limits"),
        ]
        indexes: ClassVar[list[models.Index]] = [GinIndex(ACCOUNT_WORDS, name="accounts_search")]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            # Target of the composite foreign keys of transactions, which ensure that the payer's
            # and the payee's account have the same currency.
            models.UniqueConstraint(fields=["id", "currency"], name="account_id_currency_unique"),
            models.CheckConstraint(
                name="balance_non_negative",
                condition=Q(balance__gte=0) | Q(overdraft_limit__gt=0),
                violation_error_message="An account without an overdraft cannot go below zero.",
            ),
            # Postgres checks constraints in order of name and reports only the first violation. A
            # negative balance without an overdraft violates only `balance_non_negative`, so each
            # violation has one constraint name. The two constraints together refuse the same rows
            # as a single constraint would.
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
            # A numeric column can contain NaN, which Postgres sorts above every number.
            models.CheckConstraint(
                name="account_amounts_finite",
                condition=Q(balance__lte=LARGEST_AMOUNT)
                & Q(held__lte=LARGEST_AMOUNT)
                & Q(overdraft_limit__lte=LARGEST_AMOUNT),
                violation_error_message="The amount is too large for this bank's books.",
            ),
            models.CheckConstraint(
                name="closed_account_is_empty",
                condition=~Q(status="closed") | Q(balance=0, held=0),
                violation_error_message="An account is closed empty: move the money out first.",
            ),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = account_triggers.rules(SETTINGS, LIMITS)

    def __str__(self) -> str:
        return f"{self.name} {grouped(self.number)}"

    @classmethod
    def from_db(cls, *arguments: Any, **options: Any) -> Self:
        """Creates the instance and records the owner for the read log, see Note [Whose data]."""
        account = super().from_db(*arguments, **options)
        add(account.__dict__.get("user_id"))
        return account

    @property
    def is_active(self) -> bool:
        return self.status == self.Status.ACTIVE

    @property
    def is_frozen(self) -> bool:
        return self.status == self.Status.FROZEN

    @property
    def main_figure(self) -> Decimal:
        """The main amount on a card or statement: the available money. For a frozen account, which
        cannot send money, it is the balance minus the holds, without the overdraft limit.
        """
        figure: Decimal = self.balance - self.held if self.is_frozen else self.available
        return figure

    @property
    def is_closed(self) -> bool:
        return self.status == self.Status.CLOSED
