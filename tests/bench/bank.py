"""Accounts with money, and payments between them."""

from decimal import Decimal

from accounts.models import Account, User
from tests.bench.samples import account_id, some_amount, some_pair, some_words
from transactions import services
from transactions.services import Draft

RICH = Decimal(1_000_000)


def open_accounts(count: int, holders: int = 1) -> None:
    """Opens empty accounts in dollars for this number of holders."""
    people = User.objects.bulk_create(
        User(email=f"bench{n}@example.com", name=f"Person {n}", password="!")
        for n in range(holders)
    )
    Account.objects.bulk_create(
        Account(id=account_id(n), user=people[n % holders], currency="USD", name=f"Account {n}")
        for n in range(1, count + 1)
    )


def open_rich_accounts(count: int) -> None:
    """Opens accounts with more money than the payments of the bench can spend."""
    open_accounts(count)
    numbers = range(1, count + 1)
    services.post_batch(
        [Draft(to_account=account_id(n), amount=RICH, description="Opening") for n in numbers]
    )


def some_draft(count: int, metadata: dict[str, object] | None = None) -> Draft:
    sender, recipient = some_pair(count)
    return Draft(
        from_account=sender,
        to_account=recipient,
        amount=some_amount(),
        description=some_words(),
        metadata=metadata,
    )
