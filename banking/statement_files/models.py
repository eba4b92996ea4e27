"""The numbered monthly statement of an account. A statement is issued once and never changes."""

import uuid
from datetime import date, timedelta
from decimal import Decimal
from typing import ClassVar, Self
from zoneinfo import ZoneInfo

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.lookups import Exact
from django.utils import timezone

from accounts.models import Account, MoneyField
from banking.statement_files.triggers import STATEMENT_FOLLOWS
from ledger.db.ids import pk_of
from ledger.db.triggers import stays
from transactions.models.seal import DIGEST_BYTES, Seal


def time_zone_now() -> str:
    """Returns the name of the bank's time zone in the current settings."""
    return settings.TIME_ZONE


def id_of_statement(account: uuid.UUID, number: int) -> uuid.UUID:
    """Returns the id of an account's statement with this number: a hash of both values. So two
    workers cannot both issue this statement.
    """
    return uuid.uuid5(account, f"statement {number}")


class MonthlyStatementQuerySet(models.QuerySet["MonthlyStatement"]):
    def of(self, account: "Account | uuid.UUID") -> Self:
        return self.filter(account=pk_of(account))

    def newest_first(self) -> Self:
        return self.order_by("-number")


class MonthlyStatement(models.Model):
    """A numbered statement: the opening balance, the sums, the closing balance and the digest of
    one month of an account.

    `names` contains the names of the other sides at the time of issue, by account id. The statement
    keeps an old name if a person's name changes later. The digest includes only values that never
    change.
    """

    id = models.UUIDField(
        primary_key=True, editable=False, db_comment="Made of the account and the number"
    )
    account = models.ForeignKey(
        Account, models.PROTECT, related_name="monthly_statements", db_index=False
    )
    number = models.PositiveIntegerField(db_comment="From 1 on, without a gap")
    month = models.DateField(db_comment="Its first day")
    starts_at = models.DateTimeField(db_comment="In the bank's time zone, a midnight")
    ends_at = models.DateTimeField(db_comment="The period ends before it")
    time_zone = models.TextField(
        default=time_zone_now,
        db_comment="The bank's when it was issued: the days of the statement are those there",
    )
    opening = MoneyField()
    money_in = MoneyField()
    money_out = MoneyField()
    closing = MoneyField()
    entry_count = models.PositiveIntegerField()
    holder = models.TextField(db_comment="The name when it was issued")
    account_name = models.TextField(db_comment="When it was issued")
    names = models.JSONField(default=dict, db_comment="Of the other sides, by id of account")
    seal = models.ForeignKey(Seal, models.PROTECT, related_name="+", db_index=False)
    version = models.PositiveSmallIntegerField(default=1, db_comment="Of the text that is digested")
    digest = models.BinaryField(db_comment="SHA-256, see docs/statements.md")
    issued_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = MonthlyStatementQuerySet.as_manager()

    class Meta:
        db_table = "monthly_statements"
        db_table_comment = "Numbered statements of accounts; inserted once, never changed"
        default_permissions = ()  # no permissions: only its holder can see it, regardless of roles
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            STATEMENT_FOLLOWS,
            *stays("statement_stays", "statements_stay", "A statement that is issued stays."),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["digest"], name="monthly_statements_digest"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["account", "number"],
                name="statement_number_unique",
                violation_error_message="The account has a statement of this number.",
            ),
            models.CheckConstraint(
                name="statement_sums_up",
                condition=Q(closing=F("opening") + F("money_in") - F("money_out"))
                & Q(money_in__gte=0, money_out__gte=0),
                violation_error_message="The closing balance follows from the opening one.",
            ),
            models.CheckConstraint(
                name="statement_period_valid",
                condition=Q(starts_at__lt=F("ends_at"), month__day=1),
                violation_error_message="A statement is of a month.",
            ),
            models.CheckConstraint(
                name="statement_digest_is_sha256",
                condition=Q(
                    Exact(
                        Func("digest", function="octet_length", output_field=models.IntegerField()),
                        Value(DIGEST_BYTES),
                    )
                ),
                violation_error_message="A digest is 32 bytes.",
            ),
        ]

    def __str__(self) -> str:
        return f"statement {self.number} of {self.month:%Y-%m}"

    @property
    def hex_digest(self) -> str:
        """The digest as hexadecimal text."""
        return bytes(self.digest).hex()

    @property
    def zone(self) -> ZoneInfo:
        """The bank's time zone when the statement was issued."""
        return ZoneInfo(self.time_zone)

    @property
    def first_day(self) -> date:
        """The first day of the statement, in its time zone."""
        return timezone.localdate(self.starts_at, self.zone)

    @property
    def last_day(self) -> date:
        return timezone.localdate(self.ends_at, self.zone) - timedelta(days=1)

    @property
    def change(self) -> Decimal:
        """The change of the balance in this month."""
        change: Decimal = self.closing - self.opening
        return change

    @property
    def currency(self) -> str:
        currency: str = self.account.currency
        return currency
