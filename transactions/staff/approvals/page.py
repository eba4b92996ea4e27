"""The admin page with open approval requests and the newest decisions."""

import uuid
from collections.abc import Callable, Container, Iterable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts import approvals
from accounts.admin.parts import person_of
from accounts.exceptions import LedgerError
from accounts.models import ApprovalPayment, ApprovalRequest, User
from transactions.staff.approvals.day_sums import add_day_sums
from transactions.staff.approvals.outcomes import outcome
from transactions.staff.approvals.requests import DECIDE, do_approved, may_execute, refuse_outdated

DECIDED_SHOWN = OPEN_SHOWN = 50
# Maximum number of recipients for a request with many payments. The page of the file shows all
# recipients.
MOST_RECIPIENTS = 5
VIEW = "accounts.view_approvalrequest"
Status = ApprovalRequest.Status


@require_safe
def approvals_page(request: HttpRequest) -> HttpResponse:
    """Shows a page of open requests, and the newest decisions. An open request is waiting, or
    approved but not yet done.

    `?page=2` opens the second page. `?request=<id>` opens the page with this request.
    """
    reader = person_of(request)
    if not reader.has_perm(VIEW):
        raise PermissionDenied
    rows = ApprovalRequest.objects.with_people().for_eyes_of(reader)
    to_decide = list(rows.waiting().values_list("pk", flat=True))
    to_do = rows.usable().order_by("requested_at").values_list("pk", flat=True)
    still_open = [*to_decide, *to_do]
    page = Paginator(still_open, OPEN_SHOWN).get_page(_page_asked_for(request, still_open))
    found = rows.in_bulk(page.object_list)
    shown = [found[pk] for pk in page if pk in found]
    waiting = [row for row in shown if row.status == Status.PENDING]
    usable = [row for row in shown if row.status == Status.APPROVED]
    _add_recipients(shown)
    add_day_sums(waiting)
    allowed = approvals.still_allowed(shown)
    paying = _paying(waiting, reader)
    decided = rows.exclude(pk__in=still_open).order_by("-requested_at")[:DECIDED_SHOWN]
    context = {
        **admin.site.each_context(request),
        "title": "Approvals",
        "page": page,
        "waiting_count": len(to_decide),
        "waiting": [
            (row, _why_not(row, reader, pays=row.pk in paying), _problem(row, allowed))
            for row in waiting
        ],
        "usable": [(row, _problem(row, allowed), may_execute(row, reader)) for row in usable],
        "decided": decided,
    }
    return TemplateResponse(request, "admin/approvals.html", context)


def _page_asked_for(request: HttpRequest, still_open: Sequence[uuid.UUID]) -> str | int | None:
    """Returns the number of the requested page, as text or as a number. `Paginator` accepts
    both.
    """
    for place, pk in enumerate(still_open):
        if str(pk) == request.GET.get("request"):
            return place // OPEN_SHOWN + 1
    return request.GET.get("page")


@require_POST
def approval_step(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Performs the step in the POST: approves, declines or withdraws a request, or executes an
    approved request. Then redirects to the list of requests.

    If possible, an approval also executes the request.
    """
    by = person_of(request)
    if not by.has_perm(VIEW):
        raise PermissionDenied
    row = get_object_or_404(ApprovalRequest.objects.with_people().for_eyes_of(by), pk=pk)
    name = request.POST.get("step", "")
    if not (may_execute(row, by) if name == "do" else _concerns(row, by)):
        raise PermissionDenied
    step = STEPS.get(name)
    try:
        if step is not None:
            messages.success(request, step(row, by, request.POST.get("note", "")))
    except LedgerError as refusal:
        row = ApprovalRequest.objects.with_people().get(pk=pk)
        if row.status in (Status.PENDING, STARTS_FROM.get(name)):
            messages.error(request, str(refusal))
        else:  # another click or another person has already performed a step
            level = messages.INFO if row.status in WANTED[name] else messages.ERROR
            messages.add_message(request, level, outcome(row, by))
    # Redirects to the page of the list with the form. Requests are sorted by the time of their
    # creation.
    here = {"page": request.POST["page"]} if "page" in request.POST else {}
    return redirect(reverse("admin_approvals", query=here))


def _approve(row: ApprovalRequest, by: User, note: str) -> str:
    refuse_outdated(row)
    approved = approvals.approve(request=row, by=by, note=note)
    try:
        return f"Approved. {do_approved(approved, by=by)}"
    except LedgerError as refusal:
        return f"Approved, but not done yet: {refusal} You can do it until the approval expires."


def _decline(row: ApprovalRequest, by: User, note: str) -> str:
    approvals.decline(request=row, by=by, note=note)
    return "Declined."


def _withdraw(row: ApprovalRequest, by: User, _note: str) -> str:
    approvals.withdraw(request=row, by=by)
    return "Withdrawn."


def _do(row: ApprovalRequest, by: User, _note: str) -> str:
    return do_approved(row, by=by)


STEPS: dict[str, Callable[[ApprovalRequest, User, str], str]] = {
    "approve": _approve,
    "decline": _decline,
    "withdraw": _withdraw,
    "do": _do,
}


STARTS_FROM = {"do": Status.APPROVED}  # any other step needs a pending request
WANTED = {
    "approve": (Status.APPROVED, Status.DONE),
    "decline": (Status.DECLINED,),
    "withdraw": (Status.WITHDRAWN,),
    "do": (Status.DONE,),
}


def _concerns(row: ApprovalRequest, person: User) -> bool:
    """Returns whether this user made the request or may decide the request."""
    return row.requested_by_id == person.pk or person.has_perm(DECIDE)


def _why_not(row: ApprovalRequest, person: User, *, pays: bool) -> str:
    """Returns the reason why this user may not decide a request, or "". `pays` is True if the
    request contains a payment to the user or to a person in the user's household.
    """
    if not person.has_perm(DECIDE):
        return "A manager decides."
    if row.requested_by_id == person.pk:
        return "You asked for this, so another manager decides."
    others: list[Any] = [row.requested_by, *(account.user for account in row.accounts)]
    others += [row.person] if row.person else []
    if pays or any(person.is_close_to(other) for other in others):
        return "This request is about you or your household, so another manager decides."
    return ""


def _problem(row: ApprovalRequest, allowed: Container[uuid.UUID]) -> str:
    """Returns the reason why nobody can approve or execute the request any more, or ""."""
    if row.pk not in allowed:
        return f"{row.requested_by} may no longer do this, so nobody can approve or do it."
    if row.is_outdated:
        return "Somebody has changed these limits in the meantime. A new request is needed."
    if closed := [account for account in row.accounts if account.is_closed]:
        return f"{closed[0]} is closed, so this is no longer possible."
    return ""


def _paying(rows: Iterable[ApprovalRequest], person: User) -> set[uuid.UUID]:
    """Returns the ids of the requests that contain a payment to this user or to a person in the
    user's household.
    """
    payments = ApprovalPayment.objects.of(rows).paying_close_to(person)
    return set(payments.values_list("request", flat=True))


def _add_recipients(rows: Sequence[ApprovalRequest]) -> None:
    """Sets the attribute `recipients` of each request: its largest payments.

    The payments are not read from the lines of the payment file, because a line may have been
    refused, or paid later.
    """
    payments = list(ApprovalPayment.objects.of(rows).largest(each=MOST_RECIPIENTS)) if rows else []
    for row in rows:
        row.recipients = [each for each in payments if each.request_id == row.pk]  # type: ignore[attr-defined]
