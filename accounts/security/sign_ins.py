"""Two sections of the page "Security": where the person is signed in, and recent sign-ins."""

from typing import Any

from accounts.models import SignIn
from accounts.requests import PersonRequest
from accounts.sign_in.sessions import living_sessions

MOST_ROWS = 10
METHODS = {
    "password": "by password",
    "code": "by a code sent by mail",
    "mfa": "with a second factor",
    "socialaccount": "through an identity provider",
    "password_reset": "after a new password",
}


def read_sessions(request: PersonRequest) -> dict[str, Any]:
    """What `_sessions.html` shows."""
    return {"sessions": living_sessions(request.user, request.session.session_key)}


def read_sign_ins(request: PersonRequest) -> dict[str, Any]:
    """What `_sign_ins.html` shows: the newest attempts, refused ones too."""
    rows = SignIn.objects.of(request.user)[:MOST_ROWS]
    return {
        "rows": [
            {
                "at": row.at,
                "device": row.device,
                "place": row.place,
                "what": row.get_outcome_display(),
                "method": METHODS.get(row.method, "") if row.outcome == SignIn.Status.OK else "",
                "refused": row.outcome != SignIn.Status.OK,
            }
            for row in rows
        ]
    }
