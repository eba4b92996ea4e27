"""Creates approval requests for reviewed actions, and executes approved requests."""

from typing import Any

from accounts import approvals, memberships
from accounts import services as account_services
from accounts.exceptions import MayNotDecide, NeedsApproval
from accounts.models import Account, ApprovalRequest, User
from ledger.db.history.facts import set_reason
from ledger.text.lines import tidy_line
from transactions import services, staff_services
from transactions.models import StaffReason, Transaction
from transactions.services import Draft
from transactions.staff.approvals.kinds import shown_as

Kind = ApprovalRequest.Kind
DECIDE = "accounts.decide_approvals"
ASKED = "We have asked another person to approve this. Nothing has been booked yet."
OUTDATED = "Somebody changed these limits in the meantime. Nothing was changed now. Ask again."
# Kinds of requests that store their reason with the transaction.
WITH_REASON = {Kind.REFUND, Kind.HOLD, Kind.CAPTURE}


def needs_approval(row: Transaction, clerk: User) -> bool:
    """Returns whether another person must approve this transaction, which was posted and rolled
    back.
    """
    sides = [side for side in (row.from_account, row.to_account) if side is not None]
    share = approvals.share_of(row.amount, row.currency)
    return approvals.needs_approval(what=approvals.MONEY, clerk=clerk, accounts=sides, share=share)


def ask_for(row: Transaction, *, reason: str, message: str = "", asked_by: User) -> ApprovalRequest:
    """Creates and returns an approval request for a transaction that was posted and rolled back.

    Raises: the errors of `approvals.ask`.
    """
    return approvals.ask(
        kind=kind_of(row),
        transaction_id=row.pk,
        from_account=row.from_account,
        to_account=row.to_account,
        amount=row.amount,
        currency=row.currency,
        parameters={
            "description": row.description,
            "reference": row.reference,
            "metadata": row.metadata,
            "captures": str(row.captures_id) if row.captures_id else None,
            "reverses": str(row.reverses_id) if row.reverses_id else None,
            "expires_at": row.expires_at.isoformat() if row.expires_at else None,
            "message": tidy_line(message),
        },
        reason=reason,
        asked_by=asked_by,
    )


def kind_of(row: Transaction) -> ApprovalRequest.Kind:
    """Returns the kind of request for this transaction. The database has the same rule."""
    if row.reverses_id:
        return Kind.REFUND
    if row.captures_id:
        return Kind.CAPTURE
    return Kind.HOLD if row.is_hold else Kind(row.type)


def may_execute(request: ApprovalRequest, person: User) -> bool:
    """Returns whether this user may execute an approved request. Managers may execute every
    request. The user who made the request still needs the permission that was needed to make the
    request.
    """
    asked = request.requested_by_id == person.pk
    return person.has_perm(DECIDE) or (asked and person.has_perm(request.permission_to_ask))


def do_approved(request: ApprovalRequest, *, by: User) -> str:
    """Executes an approved request in the name of the user who made the request. Returns a message
    about the result. If the action has a separate page, only returns a message about that page.

    Raises: MayNotDecide if `by` may not execute the request; NeedsApproval if the request is not
    approved any more; also the errors of the services.
    """
    if not may_execute(request, by):
        raise MayNotDecide(
            "Only a manager can do this, or the colleague who asked if they still have the right."
        )
    if request.status != ApprovalRequest.Status.APPROVED or request.is_expired:
        raise NeedsApproval("This is not approved, or was done before.")
    if shown_as(request.kind).is_done_on_page:
        return "The colleague who asked for this can do it now, on the page of the file."
    if request.kind == Kind.LIMITS:
        refuse_outdated(request)
        set_reason(request.reason_in_history)
        account_services.change_account(account=_account(request), **_limits(request))
        return "The limits are changed."
    if request.kind == Kind.GROUP:
        return f"{memberships.give_approved(request)} is in {request.group} now."
    draft = _draft(request)
    if request.kind in WITH_REASON:
        row = staff_services.book(
            draft,
            action=StaffReason.Action(request.kind),
            reason=request.reason,
            message=request.parameters["message"],
            written_by=request.requested_by,
        )
    else:
        row = services.book(draft, write_also=approvals.check_now)
    return f"Booked: {row.description or row.kind}."


def _account(request: ApprovalRequest) -> Account:
    assert request.from_account is not None  # noqa: S101  limits belong to an account
    return request.from_account


def refuse_outdated(request: ApprovalRequest) -> None:
    """Raises NeedsApproval if one of the account's limits has changed since the request was
    made.
    """
    if request.from_account is not None:
        request.from_account.refresh_from_db(fields=[limit.name for limit in request.limits])
    if request.is_outdated:
        raise NeedsApproval(OUTDATED)


def _limits(request: ApprovalRequest) -> Any:
    return {
        **{limit.name: limit.after for limit in request.limits},
        "id": request.transaction_id,
        "reason": request.reason,
        "changed_by": request.requested_by,
    }


def _draft(request: ApprovalRequest) -> Draft:
    given = request.parameters
    found = Transaction.objects.in_bulk([pk for pk in (given["captures"], given["reverses"]) if pk])
    linked = next(iter(found.values()), None)
    expires_at = Transaction._meta.get_field("expires_at").to_python(given["expires_at"])
    return Draft(
        id=request.transaction_id,
        from_account=request.from_account,
        to_account=request.to_account,
        amount=request.amount,
        description=given["description"],
        reference=given["reference"],
        metadata=given["metadata"],
        pending=request.kind == Kind.HOLD,
        expires_at=expires_at,
        captures=linked if given["captures"] else None,
        reverses=linked if given["reverses"] else None,
        created_by=request.requested_by,
    )
