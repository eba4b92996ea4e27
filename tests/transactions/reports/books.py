"""Books with history, made by hand for the tests of reports."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import Group

from accounts.groups import ANALYSTS, OPERATIONS
from accounts.models import Account, User
from tests.factories import UserFactory
from transactions import services
from transactions.models import Transaction
from transactions.scope import BANK, Scope, scope_for
from transactions.services import Draft


def moment(said: str) -> datetime:
    """A time in UTC: "2026-03-14", which is noon, or "2026-03-14T08:30"."""
    return datetime.fromisoformat(said if "T" in said else f"{said}T12:00").replace(tzinfo=UTC)


def payment(
    sender: Account | None, to: Account | None, amount: str | int, when: str, **facts: Any
) -> Draft:
    """A payment to be booked at a time of the past; a missing side is the world outside."""
    return Draft(
        from_account=sender,
        to_account=to,
        amount=Decimal(amount),
        created_at=moment(when),
        **facts,
    )


def pay(
    sender: Account | None, to: Account | None, amount: str | int, when: str, **facts: Any
) -> Transaction:
    """A payment that was booked at a time of the past."""
    (row,) = services.post_batch([payment(sender, to, amount, when, **facts)])
    assert isinstance(row, Transaction)
    return row


def analyst() -> User:
    """Somebody who reads the figures of the whole bank, but no names."""
    person: User = UserFactory(name="Analyst")
    person.groups.add(Group.objects.get(name=ANALYSTS))
    return person


def clerk() -> User:
    """Somebody who reads everything, names too."""
    person: User = UserFactory(name="Clerk", is_staff=True)
    person.groups.add(Group.objects.get(name=OPERATIONS))
    return person


def bank(reader: User | None = None) -> Scope:
    """The scope of the whole bank: with names for a clerk, without for an analyst."""
    return scope_for(reader or clerk(), BANK)


def rows_of(rows: Any, *names: str) -> list[tuple[Any, ...]]:
    """Some columns of a report's rows."""
    return [tuple(row[name] for name in names) for row in rows]
