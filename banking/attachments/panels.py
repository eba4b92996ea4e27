"""Adds the person's attached files to the page of a payment."""

from collections.abc import Mapping
from typing import Any

from accounts.requests import PersonRequest
from banking.attachments.forms import AttachmentForm
from banking.attachments.models import Attachment
from ledger.web.panels import register


@register("receipt", "attachments/_panel.html")
def attachments(request: PersonRequest, context: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns the person's files and the form for another file. Returns None on pages for staff.
    Makes one query.
    """
    if context["receipt"].is_for_staff:
        return None
    mine = Attachment.objects.of(request.user).about(context["row"]).in_order()
    form = context.get("attachment_form") or AttachmentForm()
    return {"attachments": list(mine), "attachment_form": form}
