"""The forms by which staff take and pay out cash, refund, capture and hold, as they send them."""

from datetime import timedelta
from typing import Any

from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account
from ledger.db.ids import uuid7
from transactions.models import Transaction

DESK = reverse("admin:transactions_transaction_cash_desk")
HOLD = reverse("admin:transactions_transaction_hold")


def page_of(row: Transaction, name: str = "change") -> str:
    return reverse(f"admin:transactions_transaction_{name}", args=[row.pk])


def slip(account: Account, **changes: Any) -> dict[str, Any]:
    """A filled-in slip for a deposit of 50."""
    return {"id": uuid7(), "number": account.number, "kind": "deposit", "amount": "50", **changes}


def said_by_staff(**changes: Any) -> dict[str, Any]:
    return {"id": str(uuid7()), "amount": "12.50", "reason": "Came damaged", **changes}


def hold_form(account: Account, **changes: Any) -> dict[str, Any]:
    until = timezone.localdate() + timedelta(days=3)
    filled = {"number": account.number, "description": "Hotel Aurora", "until": until.isoformat()}
    return said_by_staff(**{**filled, **changes})


def messages_of(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]
