"""Movements made by hand for one test, each at its own time."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from accounts.models import Account, User
from tests.factories import AccountFactory, UserFactory
from transactions import services
from transactions.models import Transaction
from transactions.posting.drafts import Draft
from transactions.scope import BANK, Scope, scope_for


def book(
    at: str,
    amount: str,
    *,
    out_of: Account | None = None,
    into: Account | None = None,
    category: str | None = None,
    **said: Any,
) -> Transaction:
    """A booked movement: a withdrawal, a deposit or, with both sides, a transfer.

    `at` is a day, for its noon, or a time: "2025-01-10T23:30", in UTC. Within an account the
    times have to rise.
    """
    moment = datetime.fromisoformat(at if "T" in at else f"{at}T12:00").replace(tzinfo=UTC)
    metadata = said.pop("metadata", {} if category is None else {"category": category})
    draft = Draft(
        from_account=out_of,
        to_account=into,
        amount=Decimal(amount),
        created_at=moment,
        metadata=metadata,
        **said,
    )
    (row,) = services.post_batch([draft])
    assert isinstance(row, Transaction)
    assert row.created_at == moment, "earlier than what is booked on the account"
    return row


def funded(currency: str = "USD", **who: Any) -> Account:
    """An account with a million, long before what the tests ask about."""
    account: Account = AccountFactory(currency=currency, **who)
    book("2020-01-01", "1000000", into=account)
    account.refresh_from_db()
    return account


def bank() -> Scope:
    """All of the bank as staff see it, with names."""
    reader: User = UserFactory(is_staff=True, is_superuser=True)
    return scope_for(reader, BANK)


def picked(rows: Iterable[Any], *names: str) -> list[tuple[Any, ...]]:
    """Only these columns of a report's rows."""
    return [tuple(row[name] for name in names) for row in rows]
