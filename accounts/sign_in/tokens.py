"""Issues, reads and revokes personal access tokens.

A token has the current rights of its owner, limited to its scopes: see Note [Rights by token]. The
module `token_ends` lists the events that end tokens.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from django.conf import settings
from django.db import transaction as db_transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.exceptions import TokenInvalid, TooManyTokens
from accounts.models import ApiToken, User
from accounts.models.token_rights import REPORT, STAFF
from accounts.refusal_counts import counts_refusals
from accounts.sign_in import notices, sessions, token_ends
from accounts.sign_in.token_ends import BY_PERSON
from accounts.sign_in.token_text import digest_of, id_of, is_well_formed, new_text
from ledger.db.retry import with_retry
from ledger.text.currencies import LARGEST_AMOUNT, fits, is_currency, minor_units
from ledger.text.lines import tidy_line
from ledger.web import security_log

MAX_VALID = 20  # the maximum number of valid tokens of one user
USED_EVERY = timedelta(minutes=1)  # the precision of `last_used_at`: at most one UPDATE per minute
NAME_LIMIT = ApiToken._meta.get_field("name").max_length or 0

Problem = Literal[
    "malformed", "unknown", "expired", "revoked", "closed", "second_factor", "limited",
    "invalid", "unavailable",  # only for tokens of the identity provider
]  # fmt: skip
MESSAGES: dict[Problem, str] = {
    "malformed": "This is not an access token, or a character is wrong. Copy the whole token.",
    "unknown": "There is no such access token.",
    "expired": "This access token has expired. Make a new one on the page Security.",
    "revoked": "This access token was revoked. Make a new one on the page Security.",
    "closed": "The sign-in of this token's user is closed.",
    "second_factor": (
        "This access token was made without a second factor, which it needs now. Sign in with a "
        "second factor, and make a new token on the page Security."
    ),
    "limited": "Too many wrong access tokens came from here. Wait five minutes.",
}


class TokenRefused(Exception):
    """An error for a refused token. `row` is the row of the token, or None if no row has this
    token. The security log contains `reason`, and the header WWW-Authenticate contains `challenge`.
    """

    kind = "access_token"
    challenge = "invalid_token"

    def __init__(self, code: Problem, row: ApiToken | None = None, message: str = "") -> None:
        super().__init__(message or MESSAGES[code])
        self.code: Problem = code
        self.row, self.person = row, row.user if row else None
        self.reason: str = code


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new token: its row, and its text, which is shown only once."""

    row: ApiToken
    text: str

    def __repr__(self) -> str:
        return f"IssuedToken({self.row.prefix})"


@counts_refusals
@with_retry
def issue(
    *,
    person: User,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None,
    per_payment: Decimal | None = None,
    per_day: Decimal | None = None,
    currency: str = "",
    second_factor: bool = False,
    session_key: str | None = None,
) -> IssuedToken:
    """Creates a token, notifies its owner by mail, and returns the token. Only the returned object
    contains the text of the token.

    `second_factor` is True if the user has used a second factor in this session. `session_key` is
    the key of the session. Commands pass True for `second_factor` and None for `session_key`, and
    only commands may pass None for `expires_at`.

    Raises: TokenInvalid; TooManyTokens; SignInChanged, as described at `sessions.lock`.
    """
    row = ApiToken(
        user=person,
        name=tidy_line(name),
        scopes=[scope for scope in ApiToken.TokenScope.values if scope in scopes],
        per_payment=per_payment,
        per_day=per_day,
        currency=currency,
        second_factor=second_factor,
        expires_at=expires_at,
    )
    _check(row, scopes)
    with db_transaction.atomic(durable=True):
        if session_key is None:
            locked = User.objects.locked([person.pk]).get()
        else:
            locked = sessions.lock(person, session_key)
        _check_person(locked, row)
        row.prefix, text = new_text()
        row.hash = digest_of(text)
        row.pk = id_of(row.hash)
        row.save(force_insert=True)
        notices.notify(locked, notices.token_issued(row))
    security_log.record("credential.issued", person=person, kind="access_token", row=row.pk)
    return IssuedToken(row, text)


@with_retry
def revoke(*, token: ApiToken, by: User | None, reason: str = BY_PERSON) -> bool:
    """Revokes a token and notifies its owner by mail. Returns False if the token was already
    revoked. `by` is the user who revokes the token, or None for a command.
    """
    owner, row = token.user, token.pk
    with db_transaction.atomic(durable=True):
        ended = token_ends.end(Q(pk=row), reason, by)
        if ended:
            notices.notify(owner, notices.token_revoked(token, by))
    if ended:
        security_log.record(
            "credential.revoked", person=owner, kind="access_token", row=row,
            by=by.pk if by else None,
        )  # fmt: skip
    return bool(ended)


def owner_of(text: str) -> ApiToken | None:
    """Returns the valid token with this text and its owner, or None. Makes one query, or no query
    if the text does not have the format of a token.
    """
    try:
        return read(text)
    except TokenRefused:
        return None


def read(text: str) -> ApiToken:
    """Returns the valid token with this text and its owner.

    Raises: TokenRefused with the reason if the token is not valid.
    """
    if not is_well_formed(text):
        raise TokenRefused("malformed")
    digest = digest_of(text)
    token = ApiToken.objects.select_related("user").filter(pk=id_of(digest)).first()
    if token is None or not constant_time_compare(token.hash, digest):
        raise TokenRefused("unknown")
    if token.revoked_at is not None:
        raise TokenRefused("revoked", token)
    if not token.is_live():
        raise TokenRefused("expired", token)
    if not token.user.is_active:
        raise TokenRefused("closed", token)
    if needs_second_factor(token.scopes) and not token.second_factor:
        raise TokenRefused("second_factor", token)
    return token


def needs_second_factor(scopes: Collection[str]) -> bool:
    """Returns whether a token with these scopes is valid only if it was issued in a session with a
    second factor. The same rule applies to the corresponding pages: see `second_factor_rule`.
    """
    if settings.LEDGER_CUSTOMER_SECOND_FACTOR:
        return True
    return settings.LEDGER_STAFF_SECOND_FACTOR and not {STAFF, REPORT}.isdisjoint(scopes)


def note_use(token: ApiToken, place: str) -> None:
    """Records when and from which place the token was used, at most once per minute."""
    now = timezone.now()
    if token.last_used_at is not None and now - token.last_used_at < USED_EVERY:
        return
    before = Q(last_used_at=None) | Q(last_used_at__lt=now - USED_EVERY)
    ApiToken.objects.filter(before, pk=token.pk).update(
        last_used_at=now, last_used_from=place[:200]
    )


def _check(row: ApiToken, scopes: Sequence[str]) -> None:
    """Raises TokenInvalid if the data of the token is invalid."""
    if not row.name or len(row.name) > NAME_LIMIT:
        raise TokenInvalid(f"Enter a name with at most {NAME_LIMIT} characters.", "name")
    if not row.scopes or set(scopes) != set(row.scopes):
        known = ", ".join(ApiToken.TokenScope.values)
        raise TokenInvalid(f"Choose one or more of the scopes {known}.", "scopes")
    if row.expires_at is not None and row.expires_at <= timezone.now():
        raise TokenInvalid("The token would have expired already.", "expires_at")
    _check_limits(row)


def _check_limits(row: ApiToken) -> None:
    limits = {"per_payment": row.per_payment, "per_day": row.per_day}
    if row.currency and not is_currency(row.currency):
        raise TokenInvalid(f"{row.currency[:10]} is not a currency.", "currency")
    for field, limit in limits.items():
        if limit is None:
            continue
        if not row.currency:
            raise TokenInvalid("Choose the currency of the limits.", "currency")
        if not limit.is_finite() or limit <= 0:
            raise TokenInvalid("Enter a limit above zero, or no limit.", field)
        if limit > LARGEST_AMOUNT:
            raise TokenInvalid(f"The largest possible limit is {LARGEST_AMOUNT:,f}.", field)
        if not fits(limit, minor_units(row.currency)):
            raise TokenInvalid(f"{limit} has too many decimals for {row.currency}.", field)


def _check_person(person: User, row: ApiToken) -> None:
    """Raises TokenInvalid if the user may not have this token. Raises TooManyTokens if the user
    already has the maximum number of tokens.
    """
    if not person.is_active:
        raise TokenInvalid("This sign-in is closed.")
    if needs_second_factor(row.scopes) and not row.second_factor:
        raise TokenInvalid("Sign in with a second factor first: this token needs one.", "scopes")
    if STAFF in row.scopes and not person.may_have_scope(STAFF):
        raise TokenInvalid("Only staff can have a token with the scope staff.", "scopes")
    if REPORT in row.scopes and not person.may_have_scope(REPORT):
        raise TokenInvalid(
            "Only users who may read the bank's numbers can have a token with the scope report.",
            "scopes",
        )
    if ApiToken.objects.of(person).live().count() >= MAX_VALID:
        raise TooManyTokens(f"A person has at most {MAX_VALID} tokens. Revoke one first.")
