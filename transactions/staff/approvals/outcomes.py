"""Describes the outcome of a request as a sentence, with a link to the result."""

from django.utils.html import format_html

from accounts.models import ApprovalRequest, User
from ledger.text.dates import exact
from transactions.staff.approvals.kinds import shown_as

Status = ApprovalRequest.Status


def outcome(request: ApprovalRequest, reader: User) -> str:
    """Returns the outcome as HTML, such as "Booked already; approved by you, 28 November 2026,
    09:00:00." The HTML has a link to the result if the action is done and the reader may open the
    page of the result.
    """
    person, at = request.decided_by or request.requested_by, exact(request.decided_at)
    by = f"by {'you' if person == reader else person}" + (f", {at}" if at else "")
    if request.status != Status.DONE:
        return format_html("{} already, {}.", request.status.capitalize(), by)
    kind = shown_as(request.kind)
    sentence = format_html("{} already; approved {}.", kind.done, by)
    url = kind.page(request, reader)
    return format_html('{} <a href="{}">Open it</a>', sentence, url) if url else sentence
