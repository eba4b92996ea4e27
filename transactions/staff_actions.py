"""What staff may do to a transaction, and why not where they may not."""

from collections.abc import Callable
from dataclasses import dataclass

from django.urls import reverse

from accounts.models import User
from transactions.lifecycle import Story
from transactions.models import Transaction


@dataclass(frozen=True, slots=True)
class Tool:
    """A step of staff: its page in the admin is `admin:transactions_transaction_<name>`."""

    name: str
    label: str
    permission: str
    why_not: Callable[[Story], str]  # "" where the transaction allows it

    def refusal(self, story: Story, person: User) -> str:
        """Why this person may not do this to that transaction, or ""."""
        if is_own(story.row, person):
            return "It moves money of your own account; a colleague has to do this."
        return self.why_not(story)

    def url(self, row: Transaction) -> str:
        """The page that asks for the rest."""
        return reverse(f"admin:transactions_transaction_{self.name}", args=[row.pk])


def is_own(row: Transaction, person: User) -> bool:
    """Whether a side is this person's. `row` comes with both accounts."""
    sides = (row.from_account, row.to_account)
    return any(side is not None and side.user_id == person.pk for side in sides)


def _why_no_refund(story: Story) -> str:
    if story.row.is_hold:
        return "It is a hold, and nothing was booked; release it instead."
    if story.row.is_reversal:
        return "It is a refund itself; a new payment sends the money on."
    return "" if story.left else "It has been refunded in full."


def _why_no_release(story: Story) -> str:
    row = story.row
    if not row.is_hold:
        return "It is booked, not held; refund it instead."
    if row.is_pending:
        return ""
    if row.status == Transaction.Status.CAPTURED:
        return "It was captured before; refund the payment that took it instead."
    return "It was released before, and nothing of it is held."


def _why_no_capture(story: Story) -> str:
    row = story.row
    if not row.is_hold:
        return "It is booked already."
    if row.is_pending:
        is_over = "It has expired; release it, and ask for a new one."
        return is_over if row.is_expired else ""
    if row.status == Transaction.Status.CAPTURED:
        return "It was captured before, and a hold is captured once."
    return "It was released before; place a new one."


REFUND = Tool("refund", "Refund", "transactions.refund_transactions", _why_no_refund)
CAPTURE = Tool("capture", "Capture", "transactions.manage_holds", _why_no_capture)
RELEASE = Tool("release", "Release", "transactions.manage_holds", _why_no_release)


def instead_of_release(story: Story) -> tuple[str, str]:
    """Label and page of what to do where nothing can be released; ("", "") for nothing."""
    if story.capture:
        page = reverse("admin:transactions_transaction_change", args=[story.capture.pk])
        return "Go to that payment", page
    return ("", "") if _why_no_refund(story) else ("Refund it", REFUND.url(story.row))


def tools_for(story: Story, person: User) -> list[tuple[str, str]]:
    """Label and page of each step that is open to this person now."""
    return [
        (tool.label, tool.url(story.row))
        for tool in (REFUND, CAPTURE, RELEASE)
        if person.has_perm(tool.permission) and not tool.refusal(story, person)
    ]
