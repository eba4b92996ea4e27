"""How pages show each kind of request for approval. A feature registers its own kind in its module
`panels`.
"""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from accounts.models import ApprovalRequest, User

Kind = ApprovalRequest.Kind


@dataclass(frozen=True, slots=True)
class ShownKind:
    """The words of a kind, and the page of what is done."""

    model: str = "transactions.transaction"  # of the admin's page
    key: str = "transaction_id"  # the field of a request with the key of that row
    to_approve: str = "Approve and book"
    done: str = "Booked"
    account: str = "From"
    description: str = "Description"
    is_done_on_page: bool = False  # by a form there, after the approval
    to_page: str = ""  # the label of the link to that form
    opened_by: str = ""  # another permission that opens the page

    def page(self, request: ApprovalRequest, reader: User) -> str:
        """The address of what the request is about; "" if the reader may not open it."""
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
    """Shows requests of this kind so."""
    SHOWN[kind] = shown


def shown_as(kind: str) -> ShownKind:
    """How a kind is shown: as a booking, unless it is registered as something else."""
    return SHOWN.get(kind, _BOOKED)
