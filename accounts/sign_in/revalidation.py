"""Checks again during a request whether its sender may still act."""

from django.http import HttpRequest
from django.utils import timezone

from accounts.exceptions import AccessEnded, SessionEnded, TokenEnded
from accounts.models import ApiToken, User, WebSession
from accounts.sign_in.provider_tokens import ProviderToken
from accounts.sign_in.session_store import ABSOLUTE, SessionStore, digest_of, end_of

RIGHT_GONE = "The right to do this was removed in the meantime, so nothing more was done."
SESSION_GONE = "The session has ended or the sign-in was closed, so nothing more was done."
TOKEN_GONE = "The access token was revoked or has expired, so nothing more was done."  # noqa: S105 - a message


def refuse_if_ended(
    person: User,
    *,
    session_key: str | None,
    token: ApiToken | ProviderToken | None = None,
    permission: str = "",
) -> None:
    """Raises AccessEnded if the sign-in is closed, if the session or token of the request has
    ended, or if the user no longer has the staff permission `permission`. `person` is the user as
    read when the request began.

    A long request must call this function in each of its database transactions, after the writes.
    Otherwise a transaction could be committed that began after the access had ended. The function
    locks no row: see Note [Lock of a person].
    """
    now: User | None = User.objects.filter(pk=person.pk).first()
    _refuse(person, now, session_key, token)
    if permission and not (now and now.is_staff and now.has_perm(permission)):
        raise AccessEnded(RIGHT_GONE)


def refuse_request_if_ended(request: HttpRequest, now: User | None) -> None:
    """Raises AccessEnded if the sender of this page or API request may no longer act. `now` is the
    current row of a person, which the caller has locked, or None.

    If the sender is this person, checks the sign-in and the session or token. If the sender is
    another person and staff, checks the sign-in, the password and the rights of the sender. Does
    not check other senders.
    """
    user = request.user
    if not isinstance(user, User):
        return
    if now is not None and user.pk == now.pk:
        token = getattr(request, "api_token", None)
        _refuse(user, now, request.session.session_key, token)
    elif user.is_staff:
        staff = User.objects.filter(pk=user.pk).first()
        if not (staff and staff.is_active and staff.has_session_hash(user.get_session_auth_hash())):
            raise SessionEnded(SESSION_GONE)


def _refuse(
    person: User,
    now: User | None,
    session_key: str | None,
    token: ApiToken | ProviderToken | None,
) -> None:
    is_open = now is not None and now.is_active
    if token is not None:
        is_live = not isinstance(token, ApiToken) or (
            ApiToken.objects.live().filter(pk=token.pk).exists()
        )
        if not is_open or not is_live:
            raise TokenEnded(TOKEN_GONE)
    elif (
        now is None
        or not is_open
        or not now.has_session_hash(person.get_session_auth_hash())
        or not _is_living(session_key)
    ):
        raise SessionEnded(SESSION_GONE)


def _is_living(session_key: str | None) -> bool:
    """Returns whether the session exists and is younger than the maximum age. The idle time does
    not matter, because a request of the session is running.
    """
    moment = timezone.now()
    rows = WebSession.objects.filter(pk=digest_of(session_key or ""), expire_date__gt=moment)
    row = rows.first()
    return row is not None and (
        end_of(row, SessionStore().decode(row.session_data), moment) != ABSOLUTE
    )
