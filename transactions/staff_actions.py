"""What staff may do to a transaction, and why not where they may not."""

from collections.abc import Callable
from dataclasses import dataclass

from django.urls import reverse

from accounts.models import User
from transactions.lifecycle import Lifecycle
from transactions.models import Transaction


@dataclass(frozen=True, slots=True)
class StaffAction:
    """A step of staff: its page in the admin is `admin:transactions_transaction_<name>`."""

    name: str
    label: str
    permission: str
    why_not: Callable[[Lifecycle], str]  # "" where the transaction allows it

    def refusal(self, lifecycle: Lifecycle, person: User) -> str:
        """Why this person may not do this to that transaction, or ""."""
        if is_own(lifecycle.row, person):
            return "It moves money of your own account; a colleague has to do this."
        return self.why_not(lifecycle)

    def url(self, row: Transaction) -> str:
        """The page that asks for the rest."""
        return reverse(f"admin:transactions_transaction_{self.name}", args=[row.pk])


def is_own(row: Transaction, person: User) -> bool:
    """Whether a side is this person's. `row` comes with both accounts."""
    sides = (row.from_account, row.to_account)
    return any(side is not None and side.user_id == person.pk for side in sides)


def _why_no_refund(lifecycle: Lifecycle) -> str:
    if lifecycle.row.is_hold:
        return "It is a hold, and nothing was booked; release it instead."
    if lifecycle.row.is_reversal:
        return "It is a refund itself; a new payment sends the money on."
    return "" if lifecycle.left else "It has been refunded in full."


def _why_no_release(lifecycle: Lifecycle) -> str:
    row = lifecycle.row
    if not row.is_hold:
        return "It is booked, not held; refund it instead."
    if row.is_pending:
        return ""
    if row.status == Transaction.Status.CAPTURED:
        return "It was captured before; refund the payment that took it instead."
    return "It was released before, and nothing of it is held."


def _why_no_capture(lifecycle: Lifecycle) -> str:
    row = lifecycle.row
    if not row.is_hold:
        return "It is booked already."
    if row.is_pending:
        is_over = "It has expired; release it, and ask for a new one."
        return is_over if row.is_expired else ""
    if row.status == Transaction.Status.CAPTURED:
        return "It was captured before, and a hold is captured once."
    return "It was released before; place a new one."


REFUND = StaffAction("refund", "Refund", "transactions.refund_transactions", _why_no_refund)
CAPTURE = StaffAction("capture", "Capture", "transactions.manage_holds", _why_no_capture)
RELEASE = StaffAction("release", "Release", "transactions.manage_holds", _why_no_release)


def instead_of_release(lifecycle: Lifecycle) -> tuple[str, str]:
    """Label and page of what to do where nothing can be released; ("", "") for nothing."""
    if lifecycle.capture:
        page = reverse("admin:transactions_transaction_change", args=[lifecycle.capture.pk])
        return "Go to that payment", page
    return ("", "") if _why_no_refund(lifecycle) else ("Refund it", REFUND.url(lifecycle.row))


def actions_for(lifecycle: Lifecycle, person: User) -> list[tuple[str, str]]:
    """Label and page of each step that is open to this person now."""
    return [
        (tool.label, tool.url(lifecycle.row))
        for tool in (REFUND, CAPTURE, RELEASE)
        if person.has_perm(tool.permission) and not tool.refusal(lifecycle, person)
    ]
