"""Calls of the API by the test client."""

from decimal import Decimal
from typing import Any

from django.test import Client

from accounts.models import Account
from tests.accounts.tokens import issue

ACCOUNTS, TRANSACTIONS = "/api/v1/accounts/", "/api/v1/transactions/"


def post(client: Client, address: str, body: Any, **headers: str) -> Any:
    """Sends a JSON body; header names have underscores for dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(address, body, content_type="application/json", headers=named)


def slug(answer: Any) -> str:
    """The end of the problem's type."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.content
    found = answer.json()
    assert found["status"] == answer.status_code
    assert found["detail"]
    return str(found["type"].partition("#")[2])


# Texts that are no plain figure, or no amount: each is `invalid-amount`.
ODD_AMOUNTS = (
    "NaN", "sNaN", "Infinity", "-Infinity", "1e400", "1e2", "9" * 40, "1,000.00", "1_000", " 1",
    "\uff11", "-1", "0", "0.00", "1.001",
)  # fmt: skip


def body(mine: Account, theirs: Account, **changes: Any) -> dict[str, Any]:
    sides = {"from_account": str(mine.pk), "to_account": str(theirs.pk)}
    return {**sides, "amount": "12.50", "description": "Lunch", **changes}


def balance_of(account: Account) -> Decimal:
    found: Decimal = Account.objects.get(pk=account.pk).balance
    return found


def bearer(person: Any, *scopes: str, **options: Any) -> dict[str, str]:
    """The header of a new token."""
    return {"Authorization": f"Bearer {issue(person, *scopes, **options).text}"}
