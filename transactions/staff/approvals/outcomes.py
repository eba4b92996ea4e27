"""What became of a request, in a sentence with a link to what was done."""

from django.urls import reverse
from django.utils.html import format_html

from accounts.models import ApprovalRequest, User
from ledger.text.dates import exact

Kind, Status = ApprovalRequest.Kind, ApprovalRequest.Status
DONE = {Kind.LIMITS: "Changed", Kind.GROUP: "Given"}  # the word for all others is "Booked"


def outcome(request: ApprovalRequest, reader: User) -> str:
    """HTML: "Booked already; approved by you, 28 November 2026, 09:00:00.", with a link if it is
    done and the reader may open the page.
    """
    person, at = request.decided_by or request.requested_by, exact(request.decided_at)
    by = f"by {'you' if person == reader else person}" + (f", {at}" if at else "")
    if request.status != Status.DONE:
        return format_html("{} already, {}.", request.status.capitalize(), by)
    word = DONE.get(Kind(request.kind), "Booked")
    sentence = format_html("{} already; approved {}.", word, by)
    url = _page(request, reader)
    return format_html('{} <a href="{}">Go to it</a>', sentence, url) if url else sentence


def _page(request: ApprovalRequest, reader: User) -> str:
    """The page of what was done; "" if the reader may not open it."""
    model, pk = {
        Kind.LIMITS: ("accounts_account", request.from_account_id),
        Kind.GROUP: ("accounts_user", request.person_id),
        Kind.PAYMENT_FILE: ("payment_files_paymentfile", request.transaction_id),
    }.get(Kind(request.kind), ("transactions_transaction", request.transaction_id))
    app, _, name = model.partition("_")
    if not reader.has_perm(f"{app}.view_{name}"):
        return ""
    return reverse(f"admin:{model}_change", args=[pk])
