"""Keeps a payment that waits for a step-up, in the session, so that nothing is typed twice."""

from accounts.requests import PersonRequest
from transactions.transfers.forms import TransferForm

KEPT = "unsent_transfer"


def keep(request: PersonRequest, form: TransferForm) -> None:
    """Keeps the fields of a valid form, in place of those kept before."""
    request.session[KEPT] = dict(form.as_read)


def kept(request: PersonRequest, form: TransferForm) -> TransferForm | None:
    """The kept form with the id of this one; None if there is none."""
    fields = request.session.get(KEPT)
    if not fields or fields["id"] != str(form.initial["id"]):
        return None
    return TransferForm(fields, user=request.user)


def forget(request: PersonRequest) -> None:
    """Forgets the kept form."""
    request.session.pop(KEPT, None)
