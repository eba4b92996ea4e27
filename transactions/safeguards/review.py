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


def token_for(request: HttpRequest, about: str, facts: Facts) -> str:
    """The token of a review that shows these facts. `about` names the kind of form, so that a
    token of one form is worth nothing in another.
    """
    return _signer().sign(_digest(request, about, facts))


def was_reviewed(request: HttpRequest, about: str, facts: Facts) -> bool:
    """Whether the POST carries a token for exactly these facts, of this person and session."""
    token = request.POST.get(FIELD, "")
    try:
        digest = _signer().unsign(token, max_age=timedelta(minutes=REVIEW_MINUTES))
    except signing.BadSignature:
        digest = ""
    is_current = digest == _digest(request, about, facts)
    if not is_current:
        security_log.record("payment.not_reviewed", outcome="refused", request=request, form=about)
    return is_current


def _signer() -> signing.TimestampSigner:
    return signing.TimestampSigner(salt="transactions.safeguards.review")


def _digest(request: HttpRequest, about: str, facts: Facts) -> str:
    """A digest of what was shown and to whom. The session's key keeps it from being guessed."""
    shown = [str(request.user.pk), request.session.session_key, about, list(facts)]
    return hashlib.sha256(json.dumps(shown).encode()).hexdigest()
