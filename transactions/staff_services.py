"""Refunds, holds, captures and releases by staff. Each function stores a `StaffReason` in the same
database transaction.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any
from uuid import UUID

from accounts.approvals import check_now
from accounts.models import User
from ledger.db.ids import uuid7
from ledger.text.lines import tidy_line, tidy_reason
from transactions import services
from transactions.exceptions import HoldNotPending
from transactions.models import StaffReason, Transaction
from transactions.services import Draft


def book(
    draft: Draft, *, action: StaffReason.Action, reason: str, message: str = "", written_by: User
) -> Transaction:
    """Books a refund, hold or capture, and stores the reason. Returns the booked row. Raises the
    same errors as `services.book`.
    """
    store_reason = partial(_store_reason, action, reason, message, written_by)
    return services.book(draft, write_also=store_reason)


def release(*, hold: Transaction, reason: str, message: str = "", written_by: User) -> bool:
    """Voids a hold and stores the reason. Returns True if this call has voided the hold, and False
    if an earlier call by the same person has voided the hold.

    Raises HoldNotPending if the hold was captured, was voided by a colleague, or was voided after
    it had expired. Raises ServesOwn if the payer or the payee is `written_by`, or lives in the same
    household. The result is correct even if the answer to a COMMIT was lost, because it depends on
    the id of the stored reason.
    """
    id = uuid7()
    store_reason = partial(
        _store_reason, StaffReason.Action.RELEASE, reason, message, written_by, id=id
    )
    row = services.void(hold=hold, explain=store_reason)
    stored = row.reasons.filter(action=StaffReason.Action.RELEASE, written_by=written_by).first()
    if stored is None:
        raise HoldNotPending(
            "This hold was released before: it had expired, or a colleague released it."
        )
    return bool(stored.pk == id)


def explain(
    rows: Iterable[Transaction], *, action: StaffReason.Action, reason: str, written_by: User
) -> None:
    """Stores the same reason for many rows, in the database transaction that books the rows.

    A row may already have a reason for this action, if an earlier request with the same transaction
    id booked the row. The row keeps the earlier reason.
    """
    fields = {"action": action, "reason": tidy_reason(reason), "written_by": written_by}
    reasons = [StaffReason(transaction=row, **fields) for row in rows]
    StaffReason.objects.bulk_create(reasons, ignore_conflicts=True)
    check_now()


def _store_reason(
    action: StaffReason.Action,
    reason: str,
    message: str,
    written_by: User,
    row: Transaction,
    id: UUID | None = None,
) -> None:
    fields: dict[str, Any] = {"reason": tidy_reason(reason), "message": tidy_line(message)}
    fields |= {"written_by": written_by, "id": id or uuid7()}
    StaffReason.objects.get_or_create(transaction=row, action=action, defaults=fields)
    check_now()
