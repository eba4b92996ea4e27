"""Accounts: a holder's money in one currency."""

import uuid
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, ClassVar, Self

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import account_triggers
from accounts.models.fields import MoneyField
from accounts.models.user import User
from accounts.numbers import new_account_number
from accounts.shown import add
from ledger.db.ids import uuid7
from ledger.text.currencies import LARGEST_AMOUNT
from ledger.text.lines import grouped

# The three limits of an account, by their columns.
LIMITS = {
    "overdraft_limit": "Overdraft limit",
    "transfer_limit": "Transfer limit",
    "daily_limit": "Daily limit",
}
# What the owner of an account chooses on its page Settings: columns, each with its choices if there
# are any. The form, the download, the history, the right of web processes and the rule about
# choices follow from this: docs/new-setting.md.
SETTINGS: dict[str, type[models.TextChoices] | None] = {"name": None}
ACCOUNT_WORDS = SearchVector("name", weight="A", config="simple")


def _any_of(field: str, ids: Iterable[uuid.UUID]) -> models.Func:
    """The condition `field = ANY (ids)`."""
    array = models.Value(list(ids), ArrayField(models.UUIDField()))
    return models.Func(
        models.F(field),
        array,
        template="%(expressions)s)",
        arg_joiner=" = ANY (",
        output_field=models.BooleanField(),
    )


def paid_close_to(person: User) -> Q:
    """The condition that `to_account` is of this person or of somebody of their household."""
    close = Q(to_account__user=person)
    if person.household_id is not None:
        close |= Q(to_account__user__household=person.household_id)
    return close


class AccountQuerySet(models.QuerySet["Account"]):
    def locked(self, ids: Iterable[uuid.UUID], *, skip_locked: bool = False) -> Self:
        """Returns the accounts with these ids, locked until the database transaction ends.

        Note [Lock ordering]: every writer locks its accounts in order of id, by this query or in
        the statement of `posting.single_statement`. Of two opposite transfers, one then waits for
        the other, and they cannot deadlock. NO KEY UPDATE lets other transactions check foreign
        keys to the row meanwhile. Use only values that this query returned. The ids are one array,
        so the SQL has the same text for two accounts and for ten thousand.
        """
        return (
            self.filter(_any_of("pk", ids))
            .order_by("pk")
            .select_for_update(no_key=True, skip_locked=skip_locked)
        )

    def owned_by(self, user: "User") -> Self:
        """The accounts of one person, oldest first."""
        return self.filter(user=user).order_by("created_at", "pk")

    def usual_currency(self, user: "User") -> str | None:
        """Returns the currency of most of a person's accounts; None without an account."""
        counted = self.filter(user=user).values("currency").annotate(many=models.Count("pk"))
        first = counted.order_by("-many", "currency").first()
        return first["currency"] if first else None

    def not_closed(self) -> Self:
        """Accounts that are active or frozen."""
        return self.exclude(status="closed")


class Account(models.Model):
    """A holder's money in one currency. Only the triggers of transactions change its balance, see
    Note [Balances follow rows].
    """

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        FROZEN = "frozen", "Frozen"
        CLOSED = "closed", "Closed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, models.PROTECT, related_name="accounts", verbose_name="owner")
    number = models.CharField(max_length=20, unique=True, default=new_account_number)
    name = models.CharField(max_length=100, default="Account")
    # Note [Currency of an account]: the currency is a code here, so that a page needs no join. A
    # trigger looks the code up and fills in its minor units; a foreign key of both columns, made by
    # a migration, keeps the row of the currency as it is. CHECKs on the code or on a list of codes
    # would be read and planned again by every payment.
    currency = models.CharField(max_length=3)
    currency.empty_strings_allowed = False  # who gives none gets an error that names the column
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
        """Adds the owner to Note [Whose data]."""
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
        """What a card or statement shows first: what is available. A frozen account sends nothing,
        so there it is the booked money that is not held, without the overdraft limit.
        """
        figure: Decimal = self.balance - self.held if self.is_frozen else self.available
        return figure

    @property
    def is_closed(self) -> bool:
        return self.status == self.Status.CLOSED
