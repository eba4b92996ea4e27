"""Step-up: reauthentication before an action that would be useful to a thief.

A proof of identity is a password, a passkey, a code of an app, a recovery code, or a new sign-in at
the identity provider. A proof is valid for some minutes, for its session and user. A sign-in with a
password or a second factor is also a proof. A sign-in with a mailed code is not a proof. A sign-in
through the provider is not a proof either, because the provider may not have asked for a password.
Users with a second factor must use the second factor, because their password may have been stolen.
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum, auto
from typing import Any, cast
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.models import User
from accounts.sign_in.factors import has_second_factor
from ledger.web import security_log

ASKED = "step_up"  # session key with the reason and the next page
FACTOR = "mfa"  # allauth's method of a passkey, a code of an app or a recovery code
PROVIDER = "socialaccount"
NEW_FACTOR = "new_factor"  # a passkey or an app that was just added in this session
BY_FACTOR = frozenset({FACTOR, NEW_FACTOR})
NO_WAY = (
    "A sign-in code from a mail is not enough for this. On the page Security, choose a "
    "password or add a passkey. Then repeat this step."
)
PROOFS = BY_FACTOR | {PROVIDER, "password"}


class Ask(Enum):
    """The proof that a change requires: none, a proof of identity, or a new sign-in."""

    NOTHING = auto()
    PROOF = auto()
    SIGN_IN = auto()


def usual_time() -> timedelta:
    """Returns how long a proof is valid."""
    return timedelta(minutes=settings.LEDGER_STEP_UP_MINUTES)


def is_fresh(request: HttpRequest, *, within: timedelta | None = None) -> bool:
    """Returns whether the user has proved their identity within this time (default:
    `usual_time`).
    """
    until = fresh_until(request, within=within)
    return until is not None and until > _now()


def fresh_until(request: HttpRequest, *, within: timedelta | None = None) -> datetime | None:
    """Returns the time until which the latest proof of this session is valid. The time may be in
    the past. Returns None if there is no proof.

    allauth's `did_recently_reauthenticate` is not used, because it ignores sign-ins, accepts users
    who cannot reauthenticate, and accepts a password of users who have a second factor.
    """
    proofs = [proof for proof in _proofs(request) if proof[1] <= time.time()]
    if any(method not in BY_FACTOR for method, _ in proofs) and has_second_factor(_person(request)):
        proofs = [proof for proof in proofs if proof[0] in BY_FACTOR]
    if not proofs:
        return None
    latest = max(at for _, at in proofs)
    return datetime.fromtimestamp(latest, UTC) + (within or usual_time())


def limit_in(currency: str) -> Decimal:
    """Returns the amount in this currency that a user may pay to others in a day without a step-up:
    the setting LEDGER_STEP_UP_OVER.
    """
    limits: dict[str, Decimal] = settings.LEDGER_STEP_UP_OVER
    return limits.get(currency, limits["*"])


def ask(request: HttpRequest, *, why: str, back: str) -> HttpResponse:
    """Redirects to the page for reauthentication, which shows `why` and then redirects to `back`.
    The caller must keep the submitted data.

    A user who can sign in only with mailed codes is redirected to `back`, with a message that
    explains which factor to add, because such a user cannot reauthenticate.
    """
    security_log.record("step_up.asked", request=request)
    ways = get_adapter().get_reauthentication_methods(_person(request))
    if not ways:
        messages.warning(request, f"{why} {NO_WAY}")
    else:
        request.session[ASKED] = {"why": why, "back": back}
        back = f"{ways[0]['url']}?{urlencode({'next': back})}"
    return redirect(back)


def what_to_ask(request: HttpRequest) -> Ask:
    """Returns which proof is required for a page that changes how the user signs in.

    A user may have no password, no factor and no provider, for example after the bank has added the
    user or has removed the factors. Such a user must sign in again with a mailed code when the
    proof is no longer valid. allauth would accept the user without any proof.
    """
    if not request.user.is_authenticated:
        return Ask.NOTHING
    if get_adapter().get_reauthentication_methods(_person(request)):
        return Ask.NOTHING if is_fresh(request) else Ask.PROOF
    records = get_authentication_records(request, request.user)
    latest = max((float(record["at"]) for record in records), default=0)
    is_over = time.time() - latest >= usual_time().total_seconds()
    return Ask.SIGN_IN if is_over else Ask.NOTHING


def redirect_to_new_sign_in(request: HttpRequest) -> HttpResponse:
    """Redirects to the home page, with a message that the user must sign in again."""
    messages.warning(request, f"This needs a fresh sign-in. {_sign_in_again()}")
    return redirect(settings.LOGIN_REDIRECT_URL)


def _sign_in_again() -> str:
    minutes = settings.LEDGER_STEP_UP_MINUTES
    return f"Sign out, sign in again, and then repeat this within {minutes} minutes."


def strongest(ways: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the reauthentication methods that use a second factor, or all methods if there is
    none.
    """
    by_factor = [way for way in ways if way["id"].startswith("mfa_reauthenticate")]
    return by_factor or list(ways)


def _proofs(request: HttpRequest) -> list[tuple[str, float]]:
    """Returns the method and the time (seconds since 1970) of each proof that allauth has recorded
    for this user and session. Leaves out sign-ins that are not a proof.
    """
    if not request.user.is_authenticated:
        return []
    records = get_authentication_records(request, request.user)
    return [
        (record["method"], float(record["at"]))
        for record in records
        if record.get("method") in PROOFS
        and (record["method"] != PROVIDER or record.get("reauthenticated"))
    ]


def _person(request: HttpRequest) -> User:
    return cast(User, request.user)


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)
