"""Requests approval for limits above the daily threshold."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from accounts import approvals
from accounts.models import LIMITS, Account, ApprovalRequest, User
from ledger.db.ids import uuid7
from ledger.text.money import money

ASK = "_ask"  # the name of the button
ASKED = "We have asked another manager to approve the limits. Nothing has changed yet."


def ask_for_limits(*, account: Account, form: Any, asked_by: User) -> ApprovalRequest:
    """Requests approval for the limits that were changed in a valid form, and returns the request.
    If one of these limits is changed before the approved change is made, the database refuses the
    approved change.

    Raises: the errors of `approvals.ask`; DetailsInvalid if the form changes no limit;
    RequestDecided if an earlier request of this person for the account is still pending.
    """
    now = Account.objects.get(pk=account.pk)
    wanted = {name: form.cleaned_data[name] for name in form.changed_data if name in LIMITS}
    before = {name: getattr(now, name) for name in wanted}
    return approvals.ask(
        kind=ApprovalRequest.Kind.LIMITS,
        transaction_id=uuid7(),
        from_account=now,
        to_account=None,
        amount=sum((_raised(before[name], wanted[name]) for name in wanted), Decimal(0)),
        currency=now.currency,
        parameters={**_stored(wanted), "before": _stored(before)},
        reason=form.cleaned_data["reason"],
        asked_by=asked_by,
    )


def _stored(limits: Mapping[str, Decimal | None]) -> dict[str, str | None]:
    return {name: None if value is None else str(value) for name, value in limits.items()}


def why_asked(account: Account) -> str:
    """Returns the message above a form with limits that another manager must approve."""
    threshold = approvals.threshold_of(account.currency)
    more = f"more than {money(threshold, account.currency)}" if threshold else "any amount"
    return (
        f"Nothing was saved. You need another manager's approval to raise limits by {more} in "
        "a day, or to set an overdraft limit above this amount. Ask for the approval below, or "
        "enter lower limits."
    )


def _raised(before: Decimal | None, after: Decimal | None) -> Decimal:
    if before is None or after is None:
        return Decimal(0)
    return max(after - before, Decimal(0))
