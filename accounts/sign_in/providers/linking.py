"""Decides which users may sign in through the provider, connect it, or sign up with it.

An equal email address is never enough to sign in or to connect. Otherwise the operator of the
provider, or the new owner of a reused mailbox, could take over an account.
"""

from enum import StrEnum

from allauth.account.internal.flows.reauthentication import get_reauthentication_flows
from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.models import SocialAccount, SocialLogin
from allauth.socialaccount.providers.base.constants import AuthProcess
from django.http import HttpRequest
from django.shortcuts import render

from accounts.models import User
from accounts.sign_in import sessions
from accounts.sign_in.providers.current import configured
from ledger.text.lines import tidy_line, unfit_name
from ledger.web import security_log

# Session key, set after a user of the provider was refused. The next request asks the provider to
# show its sign-in page. Otherwise the provider would send the same user again.
ASK_AGAIN = "provider_asks_again"
LONGEST_NAME = User._meta.get_field("name").max_length or 0


class LinkRefusal(StrEnum):
    """The reason why a user of the provider is refused. The messages are in the template."""

    UNVERIFIED = "unverified"
    TAKEN = "taken"
    NO_SIGN_UP = "no_sign_up"
    NO_NAME = "no_name"
    OTHER_ADDRESS = "other_address"
    NO_PASSWORD = "no_password"  # noqa: S105
    OTHER_PERSON = "other_person"
    NOT_FRESH = "not_fresh"


def check(request: HttpRequest, login: SocialLogin) -> None:
    """Raises ImmediateHttpResponse with a page if this user may not sign in, sign up or connect.

    Does nothing for a user who is already connected (`account.pk` is set), because allauth then
    checks that the sign-in is open and asks for the second factor.
    """
    if login.account.pk:
        return
    is_connecting = login.state.get("process") == AuthProcess.CONNECT
    refusal = _refused_connection(request, login) if is_connecting else _refused_sign_up(login)
    if refusal:
        refuse(request, refusal)


def check_may_connect(request: HttpRequest) -> None:
    """Raises ImmediateHttpResponse if the user has neither a password nor a second factor. Such a
    user cannot reauthenticate, so another person at the open session could connect a provider
    account.
    """
    if not get_reauthentication_flows(request.user):
        refuse(request, LinkRefusal.NO_PASSWORD)


def refuse(request: HttpRequest, refusal: LinkRefusal) -> None:
    security_log.record("provider.refused", outcome="refused", reason=refusal.value)
    request.session[ASK_AGAIN] = True
    facts = {"refusal": refusal.value, "provider_name": configured().name}
    raise ImmediateHttpResponse(render(request, "socialaccount/refused.html", facts, status=403))


def record_connected(request: HttpRequest, sociallogin: SocialLogin, **_more: object) -> None:
    """Records a new connection in the security log. Called by a signal of allauth."""
    security_log.record("provider.connected", request=request, person=sociallogin.user)


def record_disconnected(
    request: HttpRequest, socialaccount: SocialAccount, **_more: object
) -> None:
    """Records a removed connection in the security log, and ends the user's other sessions, which
    may have begun at the provider. Called by a signal of allauth.
    """
    sessions.end_others(socialaccount.user, request.session.session_key, "provider_disconnected")
    security_log.record("provider.disconnected", request=request, person=socialaccount.user)


def acceptable_name(name: object) -> str:
    """Returns the user's name at the provider without extra spaces, or "" if a sign-up would refuse
    it.
    """
    # Checked before the text is processed
    is_short = isinstance(name, str) and len(name) <= 2 * LONGEST_NAME
    tidy = tidy_line(str(name)) if is_short else ""
    usable = not unfit_name(tidy) and len(tidy) <= LONGEST_NAME
    return tidy if usable else ""


def _refused_connection(request: HttpRequest, login: SocialLogin) -> LinkRefusal | None:
    """Returns why the connection is refused, or None. The user must have the same confirmed address
    here and at the provider.
    """
    email = _verified_email(login)
    if not email:
        return LinkRefusal.UNVERIFIED
    mine = EmailAddress.objects.filter(user_id=request.user.pk, verified=True)
    return None if mine.filter(email=email).exists() else LinkRefusal.OTHER_ADDRESS


def _refused_sign_up(login: SocialLogin) -> LinkRefusal | None:
    email = _verified_email(login)
    if not email:
        return LinkRefusal.UNVERIFIED
    if _is_taken(email):
        return LinkRefusal.TAKEN
    if not configured().allows_sign_up:
        return LinkRefusal.NO_SIGN_UP
    return None if login.user and login.user.name else LinkRefusal.NO_NAME


def _verified_email(login: SocialLogin) -> str:
    return next((each.email for each in login.email_addresses if each.verified), "")


def _is_taken(email: str) -> bool:
    """Returns whether a user has this address as the main or an additional address, confirmed or
    not.
    """
    is_known = EmailAddress.objects.filter(email=email).exists()
    return bool(is_known or User.objects.filter(email=email).exists())
