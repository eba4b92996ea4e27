"""Shows that a payment was reviewed before it is booked.

The review page carries a token for what it showed: signed, for one person in one session, and valid
for REVIEW_MINUTES. A form that would book something else, or without a review, has no valid token.
"""

import hashlib
import json
from collections.abc import Iterable
from datetime import timedelta

from django.core import signing
from django.http import HttpRequest

from ledger.web import security_log

FIELD = "reviewed"  # the field of the form that carries the token
REVIEW_MINUTES = 30
NOT_REVIEWED = (
    "Nothing was booked yet: this is not what you reviewed, or the review is more than "
    f"{REVIEW_MINUTES} minutes old. Check it and confirm again."
)
Facts = Iterable[tuple[str, str]]


def token_for(request: HttpRequest, about: str, facts: Facts, *, note: str = "") -> str:
    """The token of a review that shows these facts. `about` names the kind of form, so that a
    token of one form is worth nothing in another. `note_of` reads the `note` again.
    """
    return _signer().sign(f"{_digest(request, about, facts)}.{note}")


def was_reviewed(request: HttpRequest, about: str, facts: Facts) -> bool:
    """Whether the POST carries a token for exactly these facts, of this person and session."""
    return note_of(request, about, facts) is not None


def note_of(request: HttpRequest, about: str, facts: Facts) -> str | None:
    """The note of a token that `was_reviewed` takes; None for any other."""
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
    """A digest of what was shown and to whom. The session's key keeps it from being guessed."""
    shown = [str(request.user.pk), request.session.session_key, about, list(facts)]
    return hashlib.sha256(json.dumps(shown).encode()).hexdigest()
