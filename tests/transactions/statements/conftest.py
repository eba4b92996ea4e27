"""Ana and ten days of her account."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client

from accounts.models import Account
from tests.factories import AccountFactory
from tests.transactions.statements.pages import NOON
from transactions import services
from transactions.services import Draft


@pytest.fixture
def account() -> Account:
    """Ten days from 10 March 2026 on, each: 10 in at noon, 3 out to Mara at one, 2 cash out."""
    account = AccountFactory(name="Everyday", user__name="Ana")
    mara = AccountFactory(user__name="Mara Lindt")
    drafts = []
    for day in range(10):
        noon = NOON + timedelta(days=day)
        drafts += [
            Draft(to_account=account, amount=Decimal(10), description="Pay", created_at=noon),
            Draft(
                from_account=account,
                to_account=mara,
                amount=Decimal(3),
                description=f"Rent {day}",
                created_at=noon + timedelta(hours=1),
            ),
            Draft(
                from_account=account,
                amount=Decimal(2),
                description="Groceries",
                reference=f"REF{day}",
                metadata={"category": "groceries", "merchant": {"city": "Porto"}},
                created_at=noon + timedelta(hours=2),
            ),
        ]
    services.post_batch(drafts)
    account.refresh_from_db()
    return account


@pytest.fixture
def ana(client: Client, account: Account) -> Client:
    client.force_login(account.user)
    return client
