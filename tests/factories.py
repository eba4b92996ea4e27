"""Test data: people, accounts with money, and raw rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import factory
import factory.random
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from accounts import services as account_services
from accounts.models import Account, User
from accounts.numbers import with_check_digits
from ledger.db.ids import uuid7
from ledger.db.migrating.older import FIRST
from transactions import services
from transactions.models import Transaction

PASSWORD = "ledger-demo"


class UserFactory(factory.django.DjangoModelFactory[User]):
    """A factory for customers. `password=` sets a password for signing in."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"person{n}@example.com")
    name = factory.Faker("name")

    @classmethod
    def _create(cls, model_class: type[User], *args: Any, **kwargs: Any) -> User:
        return User.objects.create_user(**kwargs)


class AccountFactory(factory.Factory[Account]):
    """A factory for accounts that the service opens. `balance=` deposits this amount first."""

    class Meta:
        model = Account

    user = factory.SubFactory(UserFactory)
    currency = "USD"
    name = "Everyday"

    @classmethod
    def _create(cls, model_class: type[Account], *args: Any, **kwargs: Any) -> Account:
        balance = Decimal(kwargs.pop("balance", 0))
        digits = factory.random.randgen.randrange(10**9, 10**10)
        kwargs.setdefault("number", with_check_digits(f"{digits}"))
        account = account_services.open_account(**kwargs)
        if balance:
            services.deposit(to_account=account, amount=balance, description="Opening")
            account.refresh_from_db()
        return account


def hold_that_ended(account: Account, amount: Decimal, **details: Any) -> Transaction:
    """Books a pending hold that has expired, and returns it. The hold is booked as history, because
    `services.hold` refuses an expired hold.
    """
    now = timezone.now()
    details = {"expires_at": now - timedelta(seconds=1), "created_at": now, **details}
    return services.book(
        services.Draft(from_account=account, amount=amount, pending=True, **details)
    )


def move_bank() -> None:
    """Records the move to the new migrations in a minute from now, so that all existing rows are
    rows from before the move.
    """
    app, name = FIRST.split(".")
    applied = timezone.now() + timedelta(minutes=1)
    first = MigrationRecorder(connection).migration_qs.filter(app=app, name=name)
    assert first.update(applied=applied) == 1


def insert_row(**columns: Any) -> None:
    """Inserts a row into transactions with plain SQL, without a service or model.

    By default, the time and the balances of a completed row continue the account's chain.
    """
    row = {
        "id": uuid7(),
        "amount": "10",
        "currency": "USD",
        "status": "completed",
        "description": "",
        "reference": "",
        "metadata": "{}",
        "value_date": "2026-01-01",
        **columns,
    }
    times = [datetime(2026, 1, 1, tzinfo=UTC)]
    for side, sign in (("from", -1), ("to", 1)):
        account = Account.objects.filter(pk__in=[row.get(f"{side}_account_id")]).first()
        if account and row["status"] == "completed":
            balance = account.balance + sign * Decimal(row["amount"])
            row.setdefault(f"{side}_balance", balance)
        if account and account.last_entry_at:
            times.append(account.last_entry_at + timedelta(seconds=1))
    row.setdefault("created_at", max(times))
    names = ", ".join(row)
    marks = ", ".join(["%s"] * len(row))
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO transactions ({names}) VALUES ({marks})", list(row.values()))


@contextmanager
def walls_down(*tables: str) -> Iterator[Any]:
    """Yields a cursor while the triggers of the tables are disabled. Only the owner of the tables
    can disable triggers.
    """
    tables = tables or ("accounts", "transactions")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield cursor
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def balances(*accounts: Account) -> list[Decimal]:
    """Returns the current balances of the accounts from the database."""
    return [Account.objects.get(pk=account.pk).balance for account in accounts]


def nobodys(n: int = 0) -> str:
    """Returns an account number with valid check digits that no account has."""
    return with_check_digits(f"{9_999_999_000 + n}")
