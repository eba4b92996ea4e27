"""Currencies of accounts, with the number of decimals of their amounts."""

from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q

from accounts.models.change_triggers import recorded
from ledger.db.triggers import FirmTrigger

# See Note [Four eyes]. The threshold "*" is an amount in a currency of ISO 4217. The same number of
# another unit, such as ounces of gold, could be worth much more.
NEEDS_APPROVAL_AT_FIRST = FirmTrigger(
    name="currency_needs_approval_at_first",
    when=pgtrigger.After,
    operation=pgtrigger.Insert,
    definer=True,
    func="""
        INSERT INTO approval_thresholds (currency, amount)
        SELECT NEW.code, 0 WHERE EXISTS (SELECT FROM approval_thresholds)
        ON CONFLICT (currency) DO NOTHING;
        RETURN NULL;
    """,
)


class CurrencyQuerySet(models.QuerySet["Currency"]):
    def open(self) -> "CurrencyQuerySet":
        """Filters to currencies in which accounts can be opened."""
        return self.filter(is_open=True)


class Currency(models.Model):
    """A currency of ISO 4217, or another unit in which the bank has accounts.

    If `is_open` is false, no further account can be opened in this currency. `minor_units` cannot
    change while there are accounts in the currency, because a foreign key of accounts refers to
    this column.
    """

    code = models.CharField(max_length=3, primary_key=True, help_text="Three letters, like EUR.")
    name = models.CharField(max_length=60)
    minor_units = models.SmallIntegerField(
        "decimals", default=2, help_text="Decimal places of an amount: JPY 0, USD 2, KWD 3."
    )
    is_open = models.BooleanField(
        "open", default=True, help_text="Accounts can be opened in this currency."
    )

    objects = CurrencyQuerySet.as_manager()

    class Meta:
        db_table = "currencies"
        db_table_comment = "What accounts can be opened in, with the decimals of amounts"
        verbose_name_plural = "currencies"
        ordering: ClassVar[list[str]] = ["code"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="currency_code_valid",
                condition=Q(code__regex="^[A-Z]{3}$"),
                violation_error_message="A currency code is three capital letters, like EUR.",
            ),
            models.CheckConstraint(
                name="currency_name_given",
                condition=~Q(name=""),
                violation_error_message="A currency has a name.",
            ),
            # Amounts are numeric(19,4).
            models.CheckConstraint(
                name="currency_minor_units_valid",
                condition=Q(minor_units__gte=0, minor_units__lte=4),
                violation_error_message="Amounts have 0 to 4 decimals.",
            ),
            # Target of a foreign key of accounts, which prevents changes of the minor units.
            models.UniqueConstraint(
                fields=["code", "minor_units"], name="currency_minor_units_unique"
            ),
        ]

        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            NEEDS_APPROVAL_AT_FIRST,
            *recorded(
                "currencies",
                {
                    "code": "{row}.code",
                    "name": "{row}.name",
                    "minor_units": "{row}.minor_units",
                    "is_open": "{row}.is_open",
                },
                *"code name minor_units is_open".split(),
                about="{row}.code",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code}, {self.name}"
