"""Stores a payment that waits for a step-up in the session, so that the person does not have to
type it again.
"""

from accounts.requests import PersonRequest
from transactions.transfers.forms import TransferForm

KEPT = "unsent_transfer"


def keep(request: PersonRequest, form: TransferForm) -> None:
    """Stores the fields of a valid form in the session. A form that was stored before is
    replaced.
    """
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
