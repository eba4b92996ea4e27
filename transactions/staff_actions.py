"""What staff may do to a transaction, or why not."""

from collections.abc import Callable
from dataclasses import dataclass

from django.urls import reverse

from accounts.models import User
from transactions.exceptions import (
    HOLD_CAPTURED,
    HOLD_EXPIRED,
    HOLD_RELEASED,
    NO_REFUND_OF_HOLD,
    NOT_A_HOLD,
    REFUNDED_IN_FULL,
    REFUNDS_ARE_FINAL,
)
from transactions.lifecycle import Lifecycle
from transactions.models import Transaction

OWN = "This moves money of your own account, or of your household; a colleague has to do it."


@dataclass(frozen=True, slots=True)
class StaffAction:
    """An action of staff. Its page is `admin:transactions_transaction_<name>`."""

    name: str
    label: str
    permission: str
    why_not: Callable[[Lifecycle], str]  # "" where the transaction allows it

    def refusal(self, lifecycle: Lifecycle, person: User) -> str:
        """Why it is refused for this transaction or person, apart from permissions; "" if not."""
        sides = (lifecycle.row.from_account, lifecycle.row.to_account)
        if any(side is not None and person.is_close_to(side.user) for side in sides):
            return OWN
        return self.why_not(lifecycle)

    def url(self, row: Transaction) -> str:
        """The page of this action for a transaction."""
        return reverse(f"admin:transactions_transaction_{self.name}", args=[row.pk])


def _why_no_refund(lifecycle: Lifecycle) -> str:
    if lifecycle.row.is_hold:
        return NO_REFUND_OF_HOLD[lifecycle.row.status]
    if lifecycle.row.is_reversal:
        return REFUNDS_ARE_FINAL
    return "" if lifecycle.left else REFUNDED_IN_FULL


def _why_no_release(lifecycle: Lifecycle) -> str:
    row = lifecycle.row
    if not row.is_hold:
        return NOT_A_HOLD
    if row.is_pending:
        return ""
    return HOLD_CAPTURED if row.status == Transaction.Status.CAPTURED else HOLD_RELEASED


def _why_no_capture(lifecycle: Lifecycle) -> str:
    if lifecycle.row.is_pending and lifecycle.row.is_expired:
        return HOLD_EXPIRED
    return _why_no_release(lifecycle)


REFUND = StaffAction("refund", "Refund", "transactions.refund_transactions", _why_no_refund)
CAPTURE = StaffAction("capture", "Capture", "transactions.manage_holds", _why_no_capture)
RELEASE = StaffAction("release", "Release", "transactions.manage_holds", _why_no_release)


def instead_of_release(lifecycle: Lifecycle) -> tuple[str, str]:
    """Label and URL of a link to show when a release is impossible, by the state of the row alone;
    ("", "") for none.
    """
    if lifecycle.capture:
        page = reverse("admin:transactions_transaction_change", args=[lifecycle.capture.pk])
        return "Go to that payment", page
    return ("", "") if _why_no_refund(lifecycle) else ("Refund it", REFUND.url(lifecycle.row))


def actions_for(lifecycle: Lifecycle, person: User) -> list[tuple[str, str]]:
    """Label and URL of each action that this person may take now."""
    return [
        (action.label, action.url(lifecycle.row))
        for action in (REFUND, CAPTURE, RELEASE)
        if person.has_perm(action.permission) and not action.refusal(lifecycle, person)
    ]
