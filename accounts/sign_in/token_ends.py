"""How access tokens end. Whatever ends all sessions of a person ends their tokens too: a closed
sign-in, a new password by mail or by the bank, removed factors, signing out everywhere by staff. An
ordinary change of the password, by who is signed in, does not: it would stop programs that have
nothing to do with the password.
"""

from django.db.models import Q
from django.utils import timezone

from accounts.models import ApiToken, User
from ledger.web import security_log

BY_PERSON, BY_STAFF, BY_COMMAND = "by_person", "by_staff", "by_command"  # staff may write words
LONGEST_REASON = ApiToken._meta.get_field("reason").max_length


def end(which: Q, reason: str, by: User | None) -> int:
    """Ends the tokens that meet the condition and have not been revoked. Returns how many."""
    return ApiToken.objects.filter(which, revoked_at=None).update(
        revoked_at=timezone.now(), revoked_by=by, reason=reason[:LONGEST_REASON] or BY_STAFF
    )


def revoke_all(person: User, reason: str, by: User | None = None) -> int:
    """Ends all tokens of a person that work, within the caller's transaction if there is one.
    Returns how many. Sends no mail: what calls it tells the person.
    """
    ended = end(Q(user=person), reason, by)
    if ended:
        security_log.record(
            "credential.revoked", person=person, kind="access_token", reason=reason, many=ended
        )
    return ended
