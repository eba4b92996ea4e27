"""The texts and links for each kind of approval request. A feature registers its kind in its module
`panels`.
"""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from accounts.models import ApprovalRequest, User

Kind = ApprovalRequest.Kind


@dataclass(frozen=True, slots=True)
class ShownKind:
    """The labels for one kind of request, and the admin page on which the approved action is
    shown.
    """

    model: str = "transactions.transaction"  # the model whose admin page is opened
    key: str = "transaction_id"  # the field of the request with the key of the object for this page
    to_approve: str = "Approve and book"
    done: str = "Booked"
    account: str = "From"
    description: str = "Description"
    # Whether the approved action is executed with a form on this page.
    is_done_on_page: bool = False
    to_page: str = ""  # the label of the link to this form
    opened_by: str = ""  # another permission with which a user may also open the page

    def page(self, request: ApprovalRequest, reader: User) -> str:
        """Returns the URL of the admin page for the object of the request, or "" if the reader may
        not open the page.
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
    """Registers the labels and the page for requests of this kind."""
    SHOWN[kind] = shown


def shown_as(kind: str) -> ShownKind:
    """Returns the labels and the page for this kind of request. A kind that is not registered has
    the labels and the page of a booking.
    """
    return SHOWN.get(kind, _BOOKED)
