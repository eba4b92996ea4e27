"""The form of a payment, and whether a response requires a step-up."""

from typing import Any

from accounts.models import Account
from ledger.db.ids import uuid7
from transactions.models import Transaction

PASSWORD = "correct-horse-battery"
Form = dict[str, Any]


def form_for(mine: Account, theirs: Account, amount: str = "50.00") -> Form:
    return {
        "id": str(uuid7()), "from_account": str(mine.pk), "number": theirs.number,
        "amount": amount, "description": "Rent", "reference": "",
    }  # fmt: skip


def is_asked(response: Any) -> bool:
    """Returns whether the response redirects to the step-up."""
    return response.status_code == 302 and "reauthenticate" in str(response["Location"])


def is_paid(response: Any) -> bool:
    return response.status_code == 302 and str(response["Location"]).startswith("/transactions/")


def paid_by_page() -> int:
    count: int = Transaction.objects.exclude(created_by=None).count()
    return count
