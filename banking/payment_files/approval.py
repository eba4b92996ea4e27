"""Determines whether another person must approve before staff pay a file for a customer. Also
requests this approval.
"""

from accounts import approvals
from accounts.models import ApprovalRequest, User
from banking.payment_files.models import PaymentFile


def file_needs_approval(file: PaymentFile, clerk: User) -> bool:
    """Returns whether another person must approve before this member of staff (`clerk`) can pay the
    remaining lines of a file. Returns False if `clerk` already has a usable request for this file.
    """
    share = approvals.share_of(file.waiting_total, file.currency)
    requests = ApprovalRequest.objects.usable().filter(transaction_id=file.pk, requested_by=clerk)
    return not requests.exists() and approvals.needs_approval(
        what=approvals.MONEY, clerk=clerk, accounts=[file.from_account], share=share
    )


def ask_for_file(file: PaymentFile, *, reason: str, asked_by: User) -> ApprovalRequest:
    """Requests approval to pay the lines of a file that can be booked now, and returns the request.
    From then on, these lines cannot change.
    """
    return approvals.ask(
        kind=ApprovalRequest.Kind.PAYMENT_FILE,
        transaction_id=file.pk,
        from_account=file.from_account,
        to_account=None,
        amount=file.waiting_total,
        currency=file.currency,
        parameters={"description": file.name, "lines": file.waiting_count},
        reason=reason,
        asked_by=asked_by,
    )
