"""Ana's account over three months of 2026, with texts that formats must not stumble over."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client

from accounts.models import Account
from banking.statement_files.issuing import issue_due
from banking.statement_files.models import MonthlyStatement
from tests.factories import AccountFactory
from transactions import services
from transactions.audit import sealing
from transactions.services import Draft

FIRST = datetime(2026, 1, 20, 12, tzinfo=UTC)
TEXTS = (
    "Rent <flat 3> & stairs", "=1+1", ":62F:C260131USD9,99", "-} minus", "Müller & Söhne · 12 €",
    "李小龍", "a" * 200, "",
)  # fmt: skip


@pytest.fixture
def account() -> Account:
    """From 20 January 2026 on, every third day: 40 in, and 12.50 out to Mara with odd texts."""
    account = AccountFactory(name="Everyday & more", user__name="Ana <Ribeiro>")
    mara = AccountFactory(user__name="Mara “Lindt” Ohara")
    drafts = []
    for number in range(20):
        moment = FIRST + timedelta(days=3 * number)
        text = TEXTS[number % len(TEXTS)]
        drafts += [
            Draft(to_account=account, amount=Decimal(40), description="Pay", created_at=moment),
            Draft(
                from_account=account, to_account=mara, amount=Decimal("12.50"), description=text,
                reference=f"INV//{number}"[: 16 + number], created_at=moment + timedelta(hours=1),
            ),
        ]  # fmt: skip
    services.post_batch(drafts)
    account.refresh_from_db()
    return account


@pytest.fixture
def issued(account: Account) -> list[MonthlyStatement]:
    """January, February and March, sealed together."""
    sealing.seal(until=date(2026, 4, 1))
    issue_due()
    return list(MonthlyStatement.objects.of(account).order_by("number"))


@pytest.fixture
def ana(client: Client, account: Account) -> Client:
    client.force_login(account.user)
    return client
