"""Adds a person to groups on the admin page of the person. If a group needs the approval of a
second person, requests the approval.
"""

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html

from accounts import memberships
from accounts.admin.parts import AsksApproval, person_of
from accounts.exceptions import LedgerError, NeedsApproval
from accounts.models import ApprovalRequest, User

ASKED = "We have asked a manager to approve the group {group}. Everything else is saved."


def pending_groups_html(person: User) -> str:
    """Returns HTML that lists the groups of this person for which an approval is pending, or ""."""
    waiting = ApprovalRequest.objects.waiting().filter(
        kind=ApprovalRequest.Kind.GROUP, person=person
    )
    names = ", ".join(request.group for request in waiting)
    url = reverse("admin_approvals")
    words = ' We have asked a manager to approve <a href="{}">{}</a>.'
    return format_html(words, url, names) if names else ""


class GroupsByTwo(AsksApproval):
    """Admin pages for people. If a user adds a person to a group that needs another person's
    approval, the pages request the approval. They first save all other changes of the form.
    """

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Serves Django's page. Requests the approvals after the database transaction of the page
        has ended, because each request for approval opens a transaction.
        """
        response: HttpResponse = super().changeform_view(
            request, object_id, form_url, extra_context
        )
        for person, group, reason in getattr(request, "ledger_asks", []):
            self._ask(request, person, group, reason)
        return response

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Saves the groups. Each group is added separately, so that one refused group does not
        prevent the others.
        """
        if change and "groups" in form.cleaned_data:
            person, wanted = form.instance, form.cleaned_data["groups"]
            new = set(wanted) - set(person.groups.all())
            given = {group for group in new if self._gives(request, person, group, form)}
            form.cleaned_data["groups"] = [each for each in wanted if each not in new - given]
        super().save_related(request, form, formsets, change)

    def _gives(self, request: HttpRequest, person: User, group: Group, form: Any) -> bool:
        """Adds the person to a group. Returns True if this succeeds, otherwise False. If the group
        needs approval, records on `request` that an approval must be requested. For any other
        refusal, adds a message with the reason.
        """
        try:
            memberships.give(person, group)
        except NeedsApproval:
            asks: list[Any] = request.__dict__.setdefault("ledger_asks", [])
            asks.append((person, group, form.cleaned_data["reason"]))
            self.note_asked(request)
            return False
        except LedgerError as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return False
        return True

    def _ask(self, request: HttpRequest, person: User, group: Group, reason: str) -> None:
        try:
            memberships.ask_for(
                person=person, group=group, reason=reason, asked_by=person_of(request)
            )
            self.message_user(request, ASKED.format(group=group))
        except LedgerError as refusal:
            self.message_user(request, f"{group}: {refusal}", messages.ERROR)
