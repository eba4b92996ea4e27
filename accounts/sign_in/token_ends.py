"""Ends access tokens.

These events end all tokens of a user:

- The sign-in is closed.
- The user sets a new password with the emailed link.
- Staff set or remove the password, or change the main address.
- Staff or `manage.py end_sessions EMAIL` sign the user out everywhere.
- `manage.py remove_second_factors` removes the second factors.
- The user confirms the address of a sign-up.

A signed-in user who changes the password keeps the tokens, because programs with a token do not use
the password. A change of rights ends the sessions but not the tokens.
"""

from django.db.models import Q
from django.utils import timezone

from accounts.models import ApiToken, User
from ledger.web import security_log

BY_PERSON, BY_STAFF, BY_COMMAND = (
    "by_person",
    "by_staff",
    "by_command",
)  # staff may enter other texts
LONGEST_REASON = ApiToken._meta.get_field("reason").max_length


def end(which: Q, reason: str, by: User | None) -> int:
    """Revokes the tokens for which the condition is true, unless they are already revoked. Returns
    the number of newly revoked tokens.
    """
    return ApiToken.objects.filter(which, revoked_at=None).update(
        revoked_at=timezone.now(), revoked_by=by, reason=reason[:LONGEST_REASON] or BY_STAFF
    )


def revoke_all(person: User, reason: str, by: User | None = None) -> int:
    """Revokes all valid tokens of a user and returns their number. Runs in the caller's
    transaction, if any. The caller must notify the user.
    """
    ended = end(Q(user=person), reason, by)
    if ended:
        security_log.record(
            "credential.revoked", person=person, kind="access_token", reason=reason, many=ended
        )
    return ended
