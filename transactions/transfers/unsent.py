"""Stores a payment in the session until the step-up is done, so that the person does not have to
type the payment again.
"""

from accounts.requests import PersonRequest
from transactions.transfers.forms import TransferForm

KEPT = "unsent_transfer"


def keep(request: PersonRequest, form: TransferForm) -> None:
    """Stores the fields of a valid form in the session, and replaces an earlier form."""
    request.session[KEPT] = dict(form.as_read)


def kept(request: PersonRequest, form: TransferForm) -> TransferForm | None:
    """Returns the stored form if it has the same id as `form`, otherwise None."""
    fields = request.session.get(KEPT)
    if not fields or fields["id"] != str(form.initial["id"]):
        return None
    return TransferForm(fields, user=request.user)


def forget(request: PersonRequest) -> None:
    """Removes the stored form from the session."""
    request.session.pop(KEPT, None)
