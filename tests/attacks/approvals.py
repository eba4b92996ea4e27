"""What the attacks on four eyes do: approve as a manager, press a button, let time pass."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from django.test import Client
from django.urls import reverse

from accounts import approvals
from accounts.admin.limits import ask_for_limits
from accounts.models import Account, ApprovalRequest, User
from tests.conftest import set_role
from tests.factories import walls_down

PAGE = reverse("admin_approvals")


@contextmanager
def as_web() -> Iterator[None]:
    """Runs the block with the rights of a web process."""
    set_role("ledger_web")
    try:
        yield
    finally:
        set_role(None)


def approved(request: ApprovalRequest, boss: User) -> ApprovalRequest:
    with as_web():
        return approvals.approve(request=request, by=boss)


def asked_limits(account: Account, boss: User, **limits: Decimal) -> ApprovalRequest:
    """A request for these limits, as the page of the account makes it."""
    said = {**limits, "reason": "A bridge loan"}
    form = SimpleNamespace(cleaned_data=said, changed_data=list(said))
    with as_web():
        return ask_for_limits(account=account, form=form, asked_by=boss)


def step(client: Client, request: ApprovalRequest, step: str, **more: str) -> Any:
    url = reverse("admin_approval_step", args=[request.pk])
    return client.post(url, {"step": step, **more}, follow=True)


def expire(request: ApprovalRequest) -> None:
    with walls_down("approval_requests") as cursor:
        cursor.execute(
            "UPDATE approval_requests SET expires_at = now() - interval '1 second' WHERE id = %s",
            [request.pk],
        )
    request.refresh_from_db()
