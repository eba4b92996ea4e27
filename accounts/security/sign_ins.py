"""Reads two sections of the page "Security": the user's sessions, and the latest sign-ins."""

from typing import Any

from accounts.models import SignIn
from accounts.requests import PersonRequest
from accounts.sign_in.sessions import living_sessions

# Successful and refused attempts have separate limits, so that a stranger's wrong passwords do not
# hide the user's sign-ins.
MAX_SIGN_INS, MAX_REFUSED = 8, 5
MAX_SESSIONS = 20
WORDS = {"limited": "Not tried, after too many wrong attempts"}
METHODS = {
    "password": "by password",
    "code": "by a code sent by mail",
    "mfa": "with a second factor",
    "passkey": "by passkey",
    "socialaccount": "through an identity provider",
    "password_reset": "after a new password",
    "sign_up": "by signing up",
}


def read_sessions(request: PersonRequest) -> dict[str, Any]:
    """Returns the template context of the partial `_sessions.html`."""
    sessions = living_sessions(request.user, request.session.session_key)
    return {"sessions": sessions[:MAX_SESSIONS], "more": len(sessions[MAX_SESSIONS:])}


def read_sign_ins(request: PersonRequest) -> dict[str, Any]:
    """Returns the template context of the partial `_sign_ins.html`: the newest sign-ins and refused
    attempts.
    """
    mine = SignIn.objects.of(request.user)
    succeeded = list(mine.succeeded()[:MAX_SIGN_INS])
    refused = list(mine.refused()[:MAX_REFUSED])
    rows = sorted(succeeded + refused, key=lambda row: row.at, reverse=True)
    return {
        "has_more": mine.count() > len(rows),
        "rows": [
            {
                "at": row.at,
                "device": row.device,
                "place": row.place,
                "what": WORDS.get(row.outcome) or row.get_outcome_display(),
                "method": METHODS.get(row.method, "") if row.outcome == SignIn.Status.OK else "",
                "refused": row.outcome != SignIn.Status.OK,
            }
            for row in rows
        ],
    }
