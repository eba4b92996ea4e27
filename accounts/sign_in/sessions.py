"""The sessions of a user. A session ends when its row is deleted."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import HASH_SESSION_KEY
from django.http import HttpRequest
from django.utils import timezone

from accounts.exceptions import SignInChanged
from accounts.models import User, WebSession
from accounts.sign_in import devices, places, token_ends
from accounts.sign_in.session_store import (
    IS_STAFF,
    SIGNED_IN_AT,
    SessionStore,
    digest_of,
    end_of,
    leave_reason,
)
from ledger.web import security_log

DEVICE, PLACE = "device", "place"
ENDED = (
    "This sign-in has changed in the meantime, perhaps on another device, so nothing was changed "
    "here. Open the page again."
)
SESSION_ID = re.compile("[0-9a-f]{64}")  # a SHA-256, see `digest_of`


@dataclass(frozen=True, slots=True)
class OwnSession:
    """A valid session of a user. `id` is only the digest of the session's key, so nobody can sign
    in with the id.
    """

    id: str
    device: str
    place: str
    started_at: datetime
    last_seen_at: datetime
    is_current: bool


def begin(*, request: HttpRequest, user: User, **_signal: Any) -> None:
    """Stores the time, the place and the device of the sign-in in the session of a user who has
    signed in.
    """
    request.session[SIGNED_IN_AT] = timezone.now().timestamp()
    request.session[IS_STAFF] = user.is_staff or user.is_superuser
    request.session[DEVICE] = devices.words_for(request)
    request.session[PLACE] = places.words_for(request)


def renew(request: HttpRequest) -> None:
    """Changes the key of the session. Called after each proof of identity."""
    request.session.cycle_key()


def lock(user: User, session_key: str | None, *, read_with: str = "") -> User:
    """Locks the signed-in user and the session until the database transaction ends. Returns the
    user's current row.

    Note [Lock of a session]: some credentials remain valid after their session has ended, such as a
    second factor or an access token. All code creates and removes these credentials under this
    lock. Code that ends sessions first deletes the rows of the sessions. This DELETE waits until
    the lock is free. Then the code deletes all credentials that were created in these sessions, and
    no new credential can appear. The user is locked before the session. For all other rows that
    remain after a session, code uses `lock_active`.

    `read_with` is the session hash that `user` had before the caller set a new password in `user`,
    or "" without a new password.

    Raises: SignInChanged if the session was ended, or if the password, the address or the rights
    were changed, after `user` was read.
    """
    person: User = User.objects.locked([user.pk]).get()
    if not person.has_session_hash(read_with or user.get_session_auth_hash()):
        raise SignInChanged(ENDED)
    mine = WebSession.objects.filter(user=person, pk=digest_of(session_key or ""))
    if not mine.select_for_update(no_key=True).exists():
        raise SignInChanged(ENDED)
    return person


def living_sessions(user: User, current_key: str | None) -> list[OwnSession]:
    """Returns the user's valid sessions, with the current session first. Makes one query."""
    now, current = timezone.now(), digest_of(current_key or "")
    found = []
    for row in WebSession.objects.filter(user=user, expire_date__gt=now).order_by("-last_seen_at"):
        data = SessionStore().decode(row.session_data)
        is_valid = user.has_session_hash(data.get(HASH_SESSION_KEY, ""))
        if is_valid and not end_of(row, data, now):
            found.append(_own(row, data, is_current=row.pk == current))
    return sorted(found, key=lambda session: not session.is_current)


def end_session(user: User, session: str, reason: str = "by_person") -> bool:
    """Ends one session of this user. Returns False if the user has no session with this id."""
    if not SESSION_ID.fullmatch(session):
        return False
    ended, _ = WebSession.objects.filter(user=user, pk=session).delete()
    if ended:
        leave_reason([session], reason)
        security_log.record("session.ended", person=user, reason=reason)
    return bool(ended)


def end_others(user: User, current_key: str | None, reason: str) -> int:
    """Ends all sessions of the user except the current session. Returns the number of ended
    sessions.
    """
    others = WebSession.objects.filter(user=user).exclude(pk=digest_of(current_key or ""))
    keys = list(others.values_list("pk", flat=True))
    ended, _ = others.delete()
    if ended:
        leave_reason(keys, reason)
        security_log.record("session.ended", person=user, reason=reason, sessions=ended)
    return ended


def end_all(user: User, reason: str) -> int:
    """Ends all sessions of the user, then all access tokens: see Note [Lock of a session]. Returns
    the number of sessions.
    """
    ended = end_others(user, None, reason)
    token_ends.revoke_all(user, reason)
    return ended


def _own(row: WebSession, data: dict[str, Any], *, is_current: bool) -> OwnSession:
    return OwnSession(
        id=row.pk,
        device=data.get(DEVICE, devices.UNKNOWN),
        place=data.get(PLACE, places.UNKNOWN),
        started_at=row.started_at,
        last_seen_at=timezone.now() if is_current else row.last_seen_at,
        is_current=is_current,
    )
