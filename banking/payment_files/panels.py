"""Adds payment files to other pages: the transfer form, the page of an account in the admin, and
the approvals.
"""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from accounts.models import ApprovalRequest
from accounts.requests import PersonRequest
from ledger.web.panels import register
from transactions.staff.approvals import kinds

kinds.register(
    ApprovalRequest.Kind.PAYMENT_FILE,
    kinds.ShownKind(
        "payment_files.paymentfile",
        to_approve="Approve",
        description="File",
        is_done_on_page=True,
        to_page="Go to the file",
        opened_by="transactions.use_cash_desk",
    ),
)


@register("transfer", "payment_files/_of_transfer.html", order=20)
def of_transfer(_request: PersonRequest, _context: Mapping[str, Any]) -> dict[str, Any]:
    """Adds a link to the page of payment files."""
    return {}


@register("account_tools", "payment_files/_of_account.html")
def of_account(_request: HttpRequest, _context: Mapping[str, Any]) -> dict[str, Any]:
    """Adds a link to the upload form. Only users with the permission for the cash desk see the
    link.
    """
    return {}
