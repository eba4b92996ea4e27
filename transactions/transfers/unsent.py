"""Keeps a payment that waits for a step-up in the session, so that nothing has to be typed
twice.
"""

from accounts.requests import PersonRequest
from transactions.transfers.forms import TransferForm

KEPT = "unsent_transfer"


def keep(request: PersonRequest, form: TransferForm) -> None:
    """Stores the fields of a valid form. Replaces the fields stored before."""
    request.session[KEPT] = dict(form.as_read)


def kept(request: PersonRequest, form: TransferForm) -> TransferForm | None:
    """Returns the stored form with the same id, or None."""
    fields = request.session.get(KEPT)
    if not fields or fields["id"] != str(form.initial["id"]):
        return None
    return TransferForm(fields, user=request.user)


def forget(request: PersonRequest) -> None:
    """Removes the stored form."""
    request.session.pop(KEPT, None)
