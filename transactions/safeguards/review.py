"""Ensures that a person has reviewed a payment before it is booked.

The review page contains a signed token for the shown values. The token is valid for one person, in
one session, for REVIEW_MINUTES. If the values of a form differ from the shown values, or if there
was no review, the form has no valid token.

These modules use the token: `transactions.transfers.reviewed_form` for transfers and standing
orders, `transactions.staff.desk.steps` for the forms of staff, and the views of payment files.
"""

import hashlib
import json
from collections.abc import Iterable
from datetime import timedelta

from django.core import signing
from django.http import HttpRequest

from ledger.web import security_log

FIELD = "reviewed"  # the form field that contains the token
REVIEW_MINUTES = 30
NOT_REVIEWED = (
    "Nothing was booked yet, because you changed something after your review, or the review is "
    f"more than {REVIEW_MINUTES} minutes old. Check the current page and confirm again."
)
Facts = Iterable[tuple[str, str]]


def token_for(request: HttpRequest, about: str, facts: Facts, *, note: str = "") -> str:
    """Returns the token for a review page that shows the values in `facts`. `about` is the kind of
    form. The token is valid only for this kind.

    The token also contains `note`, which `note_of` returns.
    """
    return _signer().sign(f"{_digest(request, about, facts)}.{note}")


def was_reviewed(request: HttpRequest, about: str, facts: Facts) -> bool:
    """Returns whether the POST contains a valid token for this kind of form, for exactly the values
    in `facts`, and for the current person and session.
    """
    return note_of(request, about, facts) is not None


def note_of(request: HttpRequest, about: str, facts: Facts) -> str | None:
    """Returns the note in the token of the POST, or None if the token is missing or invalid."""
    token = request.POST.get(FIELD, "")
    try:
        signed = _signer().unsign(token, max_age=timedelta(minutes=REVIEW_MINUTES))
    except signing.BadSignature:
        signed = ""
    digest, _, note = signed.partition(".")
    if digest == _digest(request, about, facts):
        return note
    security_log.record("payment.not_reviewed", outcome="refused", request=request, form=about)
    return None


def _signer() -> signing.TimestampSigner:
    return signing.TimestampSigner(salt="transactions.safeguards.review")


def _digest(request: HttpRequest, about: str, facts: Facts) -> str:
    """Returns a digest of the kind of form, the values in `facts`, the person and the session.
    Nobody can guess the digest, because it includes the session key.
    """
    shown = [str(request.user.pk), request.session.session_key, about, list(facts)]
    return hashlib.sha256(json.dumps(shown).encode()).hexdigest()
