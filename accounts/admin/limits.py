"""Asks another person to approve limits over the threshold of the day."""

from decimal import Decimal
from typing import Any

from accounts import approvals
from accounts.models import Account, ApprovalRequest, User
from ledger.db.ids import uuid7

LIMITS = ("overdraft_limit", "transfer_limit", "daily_limit")
ASK = "_ask"  # the button's name
ASKED = "Another manager has been asked to approve the limits; nothing has changed yet."


def ask_for_limits(*, account: Account, form: Any, asked_by: User) -> ApprovalRequest:
    """Asks for the limits of a valid form. Raises as `approvals.ask` does."""
    now = Account.objects.get(pk=account.pk)
    wanted = {name: getattr(now, name) for name in LIMITS}
    wanted |= {name: form.cleaned_data[name] for name in form.changed_data if name in LIMITS}
    raises = (_raised(getattr(now, name), wanted[name]) for name in LIMITS)
    return approvals.ask(
        kind=ApprovalRequest.Kind.LIMITS,
        transaction_id=uuid7(),
        from_account=now,
        to_account=None,
        amount=sum(raises, Decimal(0)),
        currency=now.currency,
        parameters={name: None if value is None else str(value) for name, value in wanted.items()},
        reason=form.cleaned_data["reason"],
        asked_by=asked_by,
    )


def _raised(before: Decimal | None, after: Decimal | None) -> Decimal:
    if before is None or after is None:
        return Decimal(0)
    return max(after - before, Decimal(0))
