"""Checks again, during a long request, that whoever sent it may still act."""

from django.utils import timezone

from accounts.exceptions import AccessEnded, SessionEnded, TokenEnded
from accounts.models import ApiToken, User, WebSession
from accounts.sign_in.provider_tokens import ProviderToken
from accounts.sign_in.session_store import ABSOLUTE, SessionStore, digest_of, end_of

RIGHT_GONE = "The right to do this was taken away meanwhile, so the rest was not booked."
SESSION_GONE = (
    "The session was ended or the sign-in was closed meanwhile, so the rest was not booked."
)
TOKEN_GONE = "The access token was revoked or has expired, so the rest was not booked."  # noqa: S105 - a sentence


def refuse_if_ended(
    person: User,
    *,
    session_key: str | None,
    token: ApiToken | ProviderToken | None = None,
    permission: str = "",
) -> None:
    """Raises AccessEnded if the sign-in of this person, the session or token of the request, or the
    permission of staff has ended. `person` is as the request read them when it began.

    Call it in each database transaction of a long request, after what it writes: then nothing is
    committed that began after the end. It locks no row, see Note [Lock of a person].
    """
    now: User | None = User.objects.active().filter(pk=person.pk).first()
    if token is not None:
        is_live = not isinstance(token, ApiToken) or (
            ApiToken.objects.live().filter(pk=token.pk).exists()
        )
        if now is None or not is_live:
            raise TokenEnded(TOKEN_GONE)
    elif (
        now is None
        or not now.has_session_hash(person.get_session_auth_hash())
        or not _is_living(session_key)
    ):
        raise SessionEnded(SESSION_GONE)
    if permission and not (now.is_staff and now.has_perm(permission)):
        raise AccessEnded(RIGHT_GONE)


def _is_living(session_key: str | None) -> bool:
    """Whether the session is stored and not too old. It is not idle: a request of it is running."""
    moment = timezone.now()
    rows = WebSession.objects.filter(pk=digest_of(session_key or ""), expire_date__gt=moment)
    row = rows.first()
    return row is not None and (
        end_of(row, SessionStore().decode(row.session_data), moment) != ABSOLUTE
    )
