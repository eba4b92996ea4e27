"""A statement without entries, for tests that need a row."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from accounts.models import Account
from transactions.audit import sealing
from transactions.models import MonthlyStatement, Seal
from transactions.models.monthly_statement import id_of_statement

NOTHING = Decimal(0)


def empty_statement(account: Account, **facts: Any) -> MonthlyStatement:
    """The account's statement of November 2019, when there was nothing; seals it if need be."""
    sealing.seal(until=date(2020, 1, 1))
    statement = MonthlyStatement(
        id=id_of_statement(account.pk, 1), account=account, number=1, month=date(2019, 11, 1),
        starts_at=datetime(2019, 11, 1, tzinfo=UTC), ends_at=datetime(2019, 12, 1, tzinfo=UTC),
        opening=NOTHING, money_in=NOTHING, money_out=NOTHING, closing=NOTHING,
        seal=Seal.objects.get(number=1), digest=account.pk.bytes * 2,
        **{"holder": account.user.name, "account_name": account.name, "entry_count": 0, **facts},
    )  # fmt: skip
    statement.save(force_insert=True)
    return statement
