"""How pages show each kind of approval request. A feature registers its kind in its module
`panels`.
"""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from accounts.models import ApprovalRequest, User

Kind = ApprovalRequest.Kind


@dataclass(frozen=True, slots=True)
class ShownKind:
    """The labels of a kind, and the page of the approved action."""

    model: str = "transactions.transaction"  # the model of the page in the admin
    key: str = "transaction_id"  # the field of a request with the key of that row
    to_approve: str = "Approve and book"
    done: str = "Booked"
    account: str = "From"
    description: str = "Description"
    is_done_on_page: bool = False  # whether a form on this page does it after the approval
    to_page: str = ""  # the label of the link to that form
    opened_by: str = ""  # another permission that opens the page

    def page(self, request: ApprovalRequest, reader: User) -> str:
        """Returns the URL of the page that the request is about, or "" if the reader may not open
        it.
        """
        app, _, name = self.model.partition(".")
        opens = (f"{app}.view_{name}", self.opened_by)
        if not any(permission and reader.has_perm(permission) for permission in opens):
            return ""
        pk: Any = getattr(request, self.key)
        return reverse(f"admin:{app}_{name}_change", args=[pk])


SHOWN: dict[str, ShownKind] = {
    Kind.LIMITS: ShownKind(
        "accounts.account", "from_account_id", "Approve and change", "Changed", account="Account"
    ),
    Kind.GROUP: ShownKind("accounts.user", "person_id", "Approve and give it", "Given"),
}
_BOOKED = ShownKind()


def register(kind: Kind, shown: ShownKind) -> None:
    """Registers how requests of this kind are shown."""
    SHOWN[kind] = shown


def shown_as(kind: str) -> ShownKind:
    """Returns how a kind is shown: as a booking, unless it is registered differently."""
    return SHOWN.get(kind, _BOOKED)
