"""Books with history, for the tests of the seals."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from accounts.models import Account
from tests.factories import AccountFactory
from transactions import services
from transactions.models import Transaction
from transactions.services import Draft

MARCH = date(2026, 3, 1)


def day(number: int) -> date:
    return MARCH.replace(day=number)


def book(account: Account, number: int, hour: int = 12, **facts: Any) -> Transaction:
    """A deposit of 10 on a day of March."""
    moment = datetime(2026, 3, number, hour, tzinfo=UTC)
    draft = Draft(
        from_account=None, to_account=account, amount=Decimal(10), created_at=moment, **facts
    )
    (row,) = services.post_batch([draft])
    assert isinstance(row, Transaction)
    return row


def march() -> tuple[Account, list[Transaction]]:
    """An account, and five deposits: three on 1 March, one on the 2nd, one on the 4th."""
    account = AccountFactory()
    times = [(1, 8), (1, 9), (1, 10), (2, 8), (4, 8)]
    return account, [book(account, number, hour) for number, hour in times]


def as_owner(sql: str, *parameters: Any, table: str = "transactions") -> None:
    """What only the owner of the tables could do: disable the triggers, and enable them again."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(sql, parameters)
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
